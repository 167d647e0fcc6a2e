package health

// verdict is the judgement about a target.
type verdict uint8

const (
	// unknown is the verdict before there are enough results. The machine treats it as unreached, but it is not a fault
	// yet.
	unknown verdict = iota
	reached
	unreached
)

// thresholds are how many results in a row change a verdict.
type thresholds struct{ failure, success int }

// judgement is a verdict and the results in a row against it. The zero judgement is the first.
type judgement struct {
	verdict  verdict
	contrary int
}

// after returns the judgement after the next result. The first success counts at once, since there is no verdict to
// outweigh. The first failure does not, since a unit that starts may be faster than its network.
func (j judgement) after(success bool, t thresholds) judgement {
	against, needed := reached, t.success
	if !success {
		against, needed = unreached, t.failure
	}
	if j.verdict == unknown && success {
		return judgement{verdict: reached}
	}
	if j.verdict == against {
		return judgement{verdict: j.verdict}
	}
	j.contrary++
	if j.contrary >= needed {
		return judgement{verdict: against}
	}
	return j
}
