package ha

import "time"

// attempt is an effect that is tried until it succeeds: it is under way, or waits for its next try.
type attempt struct {
	id    uint64
	tries int
	// retryAt is the earliest instant of the next try.
	retryAt time.Duration
}

func (a attempt) isUnderWay() bool { return a.id != 0 }

// isReady reports whether the attempt is neither under way nor waiting.
func (a attempt) isReady(at time.Duration) bool { return !a.isUnderWay() && at >= a.retryAt }

// host is the part of this unit that the traffic can see. It counts as seen until its withdrawal is confirmed.
type host struct {
	gateOpen, addressed bool
	// until is the deadline that the gate is known to have.
	until time.Duration
	// wanted is the deadline that was last requested.
	wanted time.Duration
	// ceiling is the latest deadline that the gate may have: an OpenGate that failed may have opened it.
	ceiling time.Duration

	opening, closing, withdrawing attempt
}

func (h host) isExposed() bool { return h.gateOpen || h.addressed }

// retreat closes the gate and withdraws the addresses, and tries until both are confirmed.
func (t *transition) retreat() {
	t.ensureClosed()
	t.ensureWithdrawn()
}

// ensureClosed closes the gate. Nobody sees the addresses behind a closed gate.
func (t *transition) ensureClosed() {
	if !t.host.gateOpen {
		return
	}
	t.wakeAt(t.host.closing.retryAt)
	if t.host.closing.isReady(t.at) {
		t.emit(CloseGate{ID: t.begin(&t.host.closing)})
	}
}

// ensureWithdrawn withdraws the addresses.
func (t *transition) ensureWithdrawn() {
	if !t.host.addressed {
		return
	}
	t.wakeAt(t.host.withdrawing.retryAt)
	if t.host.withdrawing.isReady(t.at) {
		t.emit(WithdrawAddresses{ID: t.begin(&t.host.withdrawing)})
	}
}

// openGate requests the permit's deadline. The gate counts as open from now on, confirmed or not.
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

// adjustGate moves the gate's deadline when the permit's has moved: to a later instant, or to an earlier one where a
// right is given up.
func (t *transition) adjustGate() {
	deadline, isKnown := t.Permit().Deadline, t.host.until == t.host.ceiling
	if t.reached(deadline) || isKnown && deadline == t.host.until {
		return
	}
	t.wakeAt(t.host.opening.retryAt)
	if t.host.opening.isReady(t.at) {
		t.openGate(&t.host.opening)
	}
}

// gateOpened stores that the gate has the deadline that was last requested.
func (t *transition) gateOpened() {
	t.host.until, t.host.ceiling = t.host.wanted, t.host.wanted
}

// hostDone stores the end of an effect on the gate or the addresses outside a promotion.
func (t *transition) hostDone(f EffectDone) {
	switch f.ID {
	case t.host.opening.id:
		t.finish(&t.host.opening, f.Err)
		if f.Err == nil {
			t.gateOpened()
		}
	case t.host.closing.id:
		t.finish(&t.host.closing, f.Err)
		if f.Err == nil {
			t.host.gateOpen, t.host.ceiling = false, 0
		}
	case t.host.withdrawing.id:
		t.finish(&t.host.withdrawing, f.Err)
		if f.Err == nil {
			t.host.addressed = false
		}
	}
}

// begin starts a try and returns its ID.
func (t *transition) begin(a *attempt) uint64 {
	a.id = t.newID()
	return a.id
}

// finish ends a try. After a failure the attempt waits for its next try.
func (t *transition) finish(a *attempt, err error) {
	if err == nil {
		*a = attempt{}
		return
	}
	*a = attempt{tries: a.tries + 1, retryAt: t.at + t.config.retryAfter()}
}
