package ha

import "time"

// attempt is an effect that is tried until it succeeds: under way, or waiting for its next try.
type attempt struct {
	id    uint64
	tries int
	// retryAt is the earliest instant of the next try.
	retryAt time.Duration
}

func (a attempt) underWay() bool { return a.id != 0 }

// host is what of this unit the traffic may see. What is not confirmed withdrawn counts as seen.
type host struct {
	gateOpen, addressed bool
	// until is the deadline that the gate is known to have.
	until time.Duration
	// wanted is the deadline that it was asked for last.
	wanted time.Duration
	// ceiling is the latest deadline that the gate may have: an opening that failed may have opened it.
	ceiling time.Duration

	opening, closing, withdrawing attempt
}

func (h host) exposed() bool { return h.gateOpen || h.addressed }

// retreat closes the gate and takes the addresses off, trying until both are confirmed, and tells whether they are.
func (t *transition) retreat() bool {
	t.shut()
	t.withdraw()
	return !t.host.exposed()
}

// shut closes the gate and tells whether that is confirmed. Behind a closed gate nobody sees the addresses.
func (t *transition) shut() bool {
	if t.host.gateOpen && t.canTry(&t.host.closing) {
		t.emit(CloseGate{ID: t.begin(&t.host.closing)})
	}
	return !t.host.gateOpen
}

// withdraw takes the addresses off and tells whether that is confirmed.
func (t *transition) withdraw() bool {
	if t.host.addressed && t.canTry(&t.host.withdrawing) {
		t.emit(WithdrawAddresses{ID: t.begin(&t.host.withdrawing)})
	}
	return !t.host.addressed
}

// openGate asks for the permit's deadline. The gate counts as open from now on, confirmed or not.
func (t *transition) openGate(a *attempt) {
	deadline := t.Permit().Deadline
	if !t.host.gateOpen {
		t.host.until = deadline
	}
	t.host.gateOpen = true
	t.host.wanted = deadline
	t.host.ceiling = max(t.host.ceiling, deadline)
	t.emit(OpenGate{ID: t.begin(a), Until: deadline})
}

// adjustGate moves the gate's deadline when the permit's has moved: to a later instant, or, where a right is given up,
// to an earlier one.
func (t *transition) adjustGate() {
	deadline, known := t.Permit().Deadline, t.host.until == t.host.ceiling
	if t.at >= deadline || known && deadline == t.host.until {
		return
	}
	if t.canTry(&t.host.opening) {
		t.openGate(&t.host.opening)
	}
}

// opened takes in that the gate has the deadline that was asked for last.
func (t *transition) opened() {
	t.host.until, t.host.ceiling = t.host.wanted, t.host.wanted
}

// hostDone takes in the end of an effect on the gate or the addresses outside a promotion.
func (t *transition) hostDone(f EffectDone) {
	switch f.ID {
	case t.host.opening.id:
		if t.finish(&t.host.opening, f.Err) {
			t.opened()
		}
	case t.host.closing.id:
		if t.finish(&t.host.closing, f.Err) {
			t.host.gateOpen, t.host.ceiling = false, 0
		}
	case t.host.withdrawing.id:
		if t.finish(&t.host.withdrawing, f.Err) {
			t.host.addressed = false
		}
	}
}

// canTry tells whether the attempt is neither under way nor waiting.
func (t *transition) canTry(a *attempt) bool { return !a.underWay() && t.due(a.retryAt) }

// begin numbers a new try.
func (t *transition) begin(a *attempt) uint64 {
	a.id = t.newID()
	return a.id
}

// finish ends a try and tells whether it was the last one needed.
func (t *transition) finish(a *attempt, err error) bool {
	if err == nil {
		*a = attempt{}
		return true
	}
	*a = attempt{tries: a.tries + 1, retryAt: t.at + t.config.retryAfter()}
	return false
}
