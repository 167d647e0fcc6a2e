// Package threshold decides how many results in a row change the verdict about a target. It does no I/O. Package
// health calls it for the targets of a unit, and package balance for the monitors of links.
package threshold

// Verdict is whether a target is reached.
type Verdict uint8

// The verdicts.
const (
	// Unknown is the verdict before there are enough results. A target does not count as reached then.
	Unknown Verdict = iota
	Reached
	Unreached
)

// Limits are how many results in a row change a verdict.
type Limits struct{ Failures, Successes int }

// Judgement is a verdict and the results in a row against it. The zero Judgement has no result yet.
type Judgement struct {
	Verdict  Verdict
	contrary int
}

// After returns the judgement after the next result. The first success counts at once, since there is no verdict to
// outweigh. The first failure does not, since a unit that starts may be faster than its network.
func (j Judgement) After(success bool, l Limits) Judgement {
	against, needed := Reached, l.Successes
	if !success {
		against, needed = Unreached, l.Failures
	}
	if j.Verdict == Unknown && success {
		return Judgement{Verdict: Reached}
	}
	if j.Verdict == against {
		return Judgement{Verdict: j.Verdict}
	}
	j.contrary++
	if j.contrary >= needed {
		return Judgement{Verdict: against}
	}
	return j
}
