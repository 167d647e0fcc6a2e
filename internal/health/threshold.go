package health

// verdict is what is held of a target.
type verdict uint8

const (
	// unknown is held before there was enough to judge by. For the machine it is as unreached, but it is no fault yet.
	unknown verdict = iota
	reached
	unreached
)

// thresholds are how many results in a row change a verdict.
type thresholds struct{ failure, success int }

// judgement is a verdict and the results in a row that speak against it. The zero judgement is the first.
type judgement struct {
	verdict  verdict
	contrary int
}

// after takes in the next result. The first success is believed at once, as there is no verdict that it would have to
// outweigh; the first failure is not, since a unit that starts may be quicker than its network.
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
