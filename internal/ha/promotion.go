package ha

import "time"

const (
	// maxTries is how often a step is tried before the promotion continues without it, or is given up.
	maxTries = 3
	// relinquishPatience is how long a successor waits for the peer to relinquish the role before it asks the witness for
	// a permit.
	relinquishPatience = 100 * time.Millisecond
)

// promotion is the progress of a unit through the steps.
type promotion struct {
	step Step
	// enteredAt is when the step began.
	enteredAt time.Duration
	attempt   attempt
	report    Report
}

// startPromotion starts with the first step after the claim.
func (t *transition) startPromotion() {
	t.phase = promoting
	t.promotion = promotion{
		step: FenceConfirmed, enteredAt: t.at,
		report: newReport(t.tenure.term, t.tenure.claim, t.at),
	}
}

// promote walks through the steps as far as it can without waiting.
func (t *transition) promote() {
	if t.stop.requested {
		t.abandonPromotion()
		return
	}
	if t.promotion.step > FenceConfirmed {
		t.beat() // Not before: a giver still sends what changed.
	}
	if t.promotion.step > GateOpen {
		t.keepForwarding()
		t.adjustGate()
	}
	t.keepPermit()
	if t.promotion.step == FenceConfirmed {
		t.wakeAt(t.fenceConfirmedAt())
		if !t.isFenceConfirmed() {
			return
		}
		t.completeStep()
	}
	t.tryStep()
}

// isFenceConfirmed reports whether the holder before this unit's tenure cannot forward any more.
func (t *transition) isFenceConfirmed() bool { return t.reached(t.fenceConfirmedAt()) }

// fenceConfirmedAt returns from when the former holder cannot forward any more: at once by its own word, or otherwise
// when this unit's grant and a permit of the witness are over.
func (m Machine) fenceConfirmedAt() time.Duration {
	if m.relinquished >= m.tenure.term || m.tenure.claim.vouched {
		return 0
	}
	return max(m.grant.until, m.tenure.fencedAt)
}

// keepPermit writes the Lease during the promotion, if there is no permit yet or its remainder may be too short.
func (t *transition) keepPermit() {
	isHandover := t.tenure.claim.term == 0
	if isHandover && t.relinquished < t.tenure.term {
		// The peer is about to relinquish the role, and that may bring a permit along.
		patienceEnds := t.tenure.at + relinquishPatience
		t.wakeAt(patienceEnds)
		if !t.reached(patienceEnds) {
			return
		}
	}
	p := t.Permit()
	if p.isValid(t.at) {
		next := max(p.Deadline-t.config.LeaseDuration/2, t.wroteAt+t.config.renewAfter())
		t.wakeAt(next)
		if !t.reached(next) {
			return
		}
	}
	t.ensureLeaseKnown()
	if t.canWriteLease() {
		t.write(t.tenureRecord(Nobody))
	}
}

// completeStep continues with the next step.
func (t *transition) completeStep() {
	p := &t.promotion
	state := &p.report.steps[p.step]
	state.duration, state.done = t.at-p.enteredAt, true
	if p.step == Verified {
		p.report.Finished, p.report.EndedAt = true, t.at
		t.phase = serving
		return
	}
	p.step++
	p.enteredAt, p.attempt = t.at, attempt{}
}

// promotionDone stores the end of the effect that the step waits for.
func (t *transition) promotionDone(f EffectDone) {
	p := &t.promotion
	if t.phase != promoting || !p.attempt.isUnderWay() || f.ID != p.attempt.id {
		return
	}
	t.finish(&p.attempt, f.Err)
	if f.Err == nil {
		if p.step == GateOpen {
			t.gateOpened()
		}
		t.completeStep()
		return
	}
	p.report.steps[p.step].failures++
	switch {
	case p.attempt.tries < maxTries:
	case p.step.isDispensable():
		t.completeStep()
	default:
		t.abandonPromotion()
	}
}

// abandonPromotion releases the Lease so that the other unit can have it, and holds this one back for a while: it would
// fail again, and the other could not win.
func (t *transition) abandonPromotion() {
	t.promotion.report.GivenUp = true
	t.holdUntil = t.at + t.config.LeaseDuration
	t.phase = releasing
}
