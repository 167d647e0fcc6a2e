package ha

import "time"

// maxTries is how often a step is tried before the promotion continues without it, or is given up.
const maxTries = 3

// promotion is the progress of a unit through the steps.
type promotion struct {
	step Step
	// enteredAt is when the step began.
	enteredAt time.Duration
	attempt   attempt
	report    Report
}

// startPromotion begins with the first step that has work to do.
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
		t.beat() // Not before: who gives the role away still sends what changed.
	}
	if t.promotion.step > GateOpen {
		t.keepForwarding()
		t.adjustGate()
	}
	t.keepPermit()
	for t.phase == promoting && t.enter(t.promotion.step) {
		t.pass()
	}
}

// enter does what the step wants and tells whether the step is passed already. Stages that are effects are passed by
// their answer.
func (t *transition) enter(step Step) bool {
	if step == FenceConfirmed {
		return t.fenceConfirmed()
	}
	attempt := &t.promotion.attempt
	if !t.canTry(attempt) {
		return false
	}
	switch step {
	case Detected, Claimed, FenceConfirmed:
	case StateCommitted:
		t.emit(CommitState{ID: t.begin(attempt)})
	case GateOpen:
		if !t.Permit().valid(t.at) {
			return false // A renewal is under way, or an acknowledgement; either comes by here again.
		}
		t.become(Active)
		t.openGate(attempt)
	case AddressesAttached:
		t.host.addressed = true
		t.emit(AttachAddresses{ID: t.begin(attempt)})
	case Announced:
		t.emit(Announce{ID: t.begin(attempt)})
	case Verified:
		t.emit(Verify{ID: t.begin(attempt)})
	}
	return false
}

// fenceConfirmed tells whether the holder before this unit's tenure cannot forward any more: by its own word, or
// because all that it may have was waited out: this unit's promise, and a permit of the witness.
func (t *transition) fenceConfirmed() bool {
	if t.relinquished >= t.tenure.term || t.tenure.claim.vouched {
		return true
	}
	return t.due(max(t.promise.until, t.tenure.fencedAt))
}

// relinquishPatience is how long an heir waits for the grant before it asks the witness for a permit.
const relinquishPatience = 100 * time.Millisecond

// keepPermit writes the Lease while the promotion goes on, if there is no permit yet, or what is left of it may not
// last.
func (t *transition) keepPermit() {
	p := t.Permit()
	handed := t.tenure.claim.term == 0
	if handed && t.relinquished < t.tenure.term && !t.due(t.tenure.at+relinquishPatience) {
		return // The grant may be on its way, and bring one along.
	}
	enough := p.valid(t.at) &&
		!t.due(max(p.Deadline-t.config.LeaseDuration/2, t.wroteAt+t.config.renewAfter()))
	if !enough && t.settled() {
		t.write(t.tenureRecord(Nobody))
	}
}

// pass goes on to the next step.
func (t *transition) pass() {
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

// promotionDone takes in the end of the effect that the step waits for.
func (t *transition) promotionDone(f EffectDone) {
	p := &t.promotion
	if t.phase != promoting || !p.attempt.underWay() || f.ID != p.attempt.id {
		return
	}
	if t.finish(&p.attempt, f.Err) {
		if p.step == GateOpen {
			t.opened()
		}
		t.pass()
		return
	}
	state := &p.report.steps[p.step]
	state.failures++
	switch {
	case p.attempt.tries < maxTries:
	case p.step.isDispensable():
		t.pass()
	default:
		t.abandonPromotion()
	}
}

// abandonPromotion gives the Lease up, so that the other unit can have it, and holds this one back for a while: it
// would fail again, and the other could not win.
func (t *transition) abandonPromotion() {
	t.promotion.report.GivenUp = true
	t.holdUntil = t.at + t.config.LeaseDuration
	t.phase = releasing
}
