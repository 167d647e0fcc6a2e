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
func (s *step) retreat() bool {
	s.shut()
	s.withdraw()
	return !s.host.exposed()
}

// shut closes the gate and tells whether that is confirmed. Behind a closed gate nobody sees the addresses.
func (s *step) shut() bool {
	if s.host.gateOpen && s.canTry(&s.host.closing) {
		s.emit(CloseGate{ID: s.begin(&s.host.closing)})
	}
	return !s.host.gateOpen
}

// withdraw takes the addresses off and tells whether that is confirmed.
func (s *step) withdraw() bool {
	if s.host.addressed && s.canTry(&s.host.withdrawing) {
		s.emit(WithdrawAddresses{ID: s.begin(&s.host.withdrawing)})
	}
	return !s.host.addressed
}

// openGate asks for the permit's deadline. The gate counts as open from now on, confirmed or not.
func (s *step) openGate(a *attempt) {
	deadline := s.Permit().Deadline
	if !s.host.gateOpen {
		s.host.until = deadline
	}
	s.host.gateOpen = true
	s.host.wanted = deadline
	s.host.ceiling = max(s.host.ceiling, deadline)
	s.emit(OpenGate{ID: s.begin(a), Until: deadline})
}

// adjustGate moves the gate's deadline when the permit's has moved: to a later instant, or, where a right is given up,
// to an earlier one.
func (s *step) adjustGate() {
	deadline, known := s.Permit().Deadline, s.host.until == s.host.ceiling
	if s.at >= deadline || known && deadline == s.host.until {
		return
	}
	if s.canTry(&s.host.opening) {
		s.openGate(&s.host.opening)
	}
}

// opened takes in that the gate has the deadline that was asked for last.
func (s *step) opened() {
	s.host.until, s.host.ceiling = s.host.wanted, s.host.wanted
}

// hostDone takes in the end of an effect on the gate or the addresses outside a promotion.
func (s *step) hostDone(f EffectDone) {
	switch f.ID {
	case s.host.opening.id:
		if s.finish(&s.host.opening, f.Err) {
			s.opened()
		}
	case s.host.closing.id:
		if s.finish(&s.host.closing, f.Err) {
			s.host.gateOpen, s.host.ceiling = false, 0
		}
	case s.host.withdrawing.id:
		if s.finish(&s.host.withdrawing, f.Err) {
			s.host.addressed = false
		}
	}
}

// canTry tells whether the attempt is neither under way nor waiting.
func (s *step) canTry(a *attempt) bool { return !a.underWay() && s.due(a.retryAt) }

// begin numbers a new try.
func (s *step) begin(a *attempt) uint64 {
	a.id = s.newID()
	return a.id
}

// finish ends a try and tells whether it was the last one needed.
func (s *step) finish(a *attempt, err error) bool {
	if err == nil {
		*a = attempt{}
		return true
	}
	*a = attempt{tries: a.tries + 1, retryAt: s.at + s.config.retryAfter()}
	return false
}
