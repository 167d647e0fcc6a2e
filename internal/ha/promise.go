package ha

import "time"

// promise is this unit's word, given as the standby, not to become active before an instant.
type promise struct {
	until time.Duration
}

// forgiveStall: a unit that stood still itself cannot tell whether the peer was silent. What came meanwhile is about to
// be heard, so that it listens a while longer before it judges.
func (s *step) forgiveStall() {
	interval := s.config.HeartbeatInterval
	if s.now != 0 && s.at-s.now > 2*interval {
		s.hearing.at = max(s.hearing.at, s.at-s.config.detect()+interval/2)
	}
}

// hearing is what the standby hears of the active.
type hearing struct {
	from Incarnation
	term uint64
	// at is when the last heartbeat came.
	at     time.Duration
	health Health
	// acks has the newest acknowledgements that were sent.
	acks [window]ack
}

// ack is when an acknowledgement was sent.
type ack struct {
	sequence uint64
	at       time.Duration
}

// bornWithPromise: the process before this one may have promised something at the very moment that it ended.
func (s *step) bornWithPromise() {
	if s.now == 0 && s.promise.until == 0 {
		s.promise.until = s.at + outlast(s.config.Grant)
	}
}

// heard takes in a heartbeat, and answers it unless this unit means to be active itself. What is below the newest term
// that is known comes from somebody who does not know yet that he was succeeded.
func (s *step) heard(f HeartbeatReceived) {
	known := s.lease.record
	if !s.lease.known || f.From == s.config.Self || f.Term < known.Term {
		return
	}
	isNew := s.hearing.from != f.From || s.hearing.term != f.Term
	if f.Term > known.Term {
		// Somebody is active in a term that the watch did not tell of yet; or that the API server does not know of, either,
		// and then it need not be asked at every heartbeat.
		s.call.doubt = s.call.doubt || isNew || s.at-s.call.answeredAt > s.config.retryAfter()
		s.outranked = max(s.outranked, f.Term)
	} else if f.From != known.Holder {
		return
	}
	if isNew {
		s.hearing = hearing{from: f.From, term: f.Term}
	}
	s.hearing.health = f.Health
	if !f.Fenced {
		s.hearing.at = s.at
	}
	if s.mayPromise(f) {
		s.promiseFor(f)
	}
}

// mayPromise tells whether this unit is content with the other one being active. It is not while it is asking for the
// Lease. When that was not answered, it promises again: should it be the holder after all, it waits for the promise as
// for any other before it opens, and else nobody could open while the witness does not answer. It is not content while
// its own gate may be open still, and a peer whose next life is connected already is not vouched for.
func (s *step) mayPromise(f HeartbeatReceived) bool {
	closed := !s.host.gateOpen || s.at >= s.host.ceiling
	return s.phase == waiting && closed && !s.holds() && !s.call.writes &&
		(s.peer.incarnation == Nobody || s.peer.incarnation == f.From)
}

func (s *step) promiseFor(f HeartbeatReceived) {
	s.promise.until = max(s.promise.until, s.at+outlast(f.Grant))
	s.hearing.acks[f.Sequence%window] = ack{sequence: f.Sequence, at: s.at}
	s.emit(AcknowledgeHeartbeat{
		Term: f.Term, Sequence: f.Sequence, Ready: s.passes(Inheritance, s.at), Health: s.ownHealth(),
	})
}

// silentAt is when the active counts as lost to the standby.
func (m Machine) silentAt() time.Duration {
	h, r := m.hearing, m.lease.record
	if m.config.HeartbeatInterval == 0 || h.from != r.Holder || h.term != r.Term {
		return 0
	}
	return h.at + m.config.detect() + m.config.HeartbeatInterval/2
}

// inherit notes from when on a permit counts that is handed over: the acknowledgement was sent before the giver asked
// for the handover, and whoever else may want the Lease counts from after that.
func (s *step) inherit(f GrantReceived) {
	a := s.hearing.acks[f.Sequence%window]
	if f.Sequence != 0 && a.sequence == f.Sequence && s.hearing.term+1 == f.Term {
		s.inherited = inheritance{term: f.Term, from: a.at}
		s.useInheritance()
	}
}

// useInheritance counts what was handed over as a permit of the witness, once the Lease names this unit.
func (s *step) useInheritance() {
	if s.holds() && s.inherited.term == s.tenure.term {
		lasts := min(s.lease.record.Duration, s.config.LeaseDuration)
		s.witnessed = max(s.witnessed, s.inherited.from+lasts)
	}
}

// inheritance is from when on the permit of a term counts that was handed over.
type inheritance struct {
	term uint64
	from time.Duration
}
