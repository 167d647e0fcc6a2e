package ha

import "time"

// call is the request to the API server: at most one is under way, so that its answers are in order among themselves.
type call struct {
	id uint64
	// sentAt is when the request was decided, thus before it was sent: what it earns counts from then.
	sentAt time.Duration
	// writes is set while the request under way is a write.
	writes bool
	// doubt is set while the known record must be read again before anything is written on top of it.
	doubt bool
	// nextAt is the earliest instant of the next request.
	nextAt time.Duration
}

func (c call) underWay() bool { return c.id != 0 }

// settled tells whether the record is known and no request is under way, and asks for the record when it is not known.
func (s *step) settled() bool {
	if s.call.underWay() || !s.due(s.call.nextAt) {
		return false
	}
	if s.lease.known && !s.call.doubt {
		return true
	}
	s.request(false)
	s.emit(ReadLease{ID: s.call.id})
	return false
}

// take tries to become the holder of the next term.
func (s *step) take() {
	term := s.lease.highest + 1
	s.claimed = term
	s.write(Record{Holder: s.config.Self, Term: term})
}

// renew writes the Lease anew when it is time, for the permit that this earns.
func (s *step) renew() {
	if s.settled() && s.due(s.permit.renewAt(s.config)) {
		s.write(Record{Holder: s.config.Self, Term: s.lease.record.Term})
	}
}

// write asks for the record in place of the version that is known.
func (s *step) write(r Record) {
	r.Version = s.lease.record.Version
	r.Duration = s.config.LeaseDuration
	s.request(true)
	s.emit(WriteLease{ID: s.call.id, Record: r})
}

func (s *step) request(writes bool) {
	s.call = call{id: s.newID(), sentAt: s.at, writes: writes, doubt: s.call.doubt}
}

// leaseSeen takes in a record from the watch. One that looks older than the known record is a straggler, or belongs to
// a Lease that was deleted and made anew: only the API server can tell which.
func (s *step) leaseSeen(r Record) {
	if s.lease.known && r.precedes(s.lease.record) {
		s.call.doubt = true
		return
	}
	if s.holds() && r.Holder == s.config.Self && r.Term == s.lease.record.Term {
		return // The echo of a write of this unit's own, whose answer tells more.
	}
	s.see(r)
}

// leaseAnswered takes in the end of a request.
func (s *step) leaseAnswered(f LeaseAnswered) {
	if f.ID != s.call.id {
		return
	}
	sent := s.call
	s.call = call{doubt: sent.doubt}
	switch f.Outcome {
	case Read:
		s.call.doubt = false
		s.believe(f.Record, sent)
	case Written:
		if s.believe(f.Record, sent) && s.holds() {
			s.permit = s.permit.extend(Permit{Deadline: sent.sentAt + s.config.LeaseDuration, Source: Witness})
		}
	case Conflict:
		s.call.doubt = true
	case Absent:
		s.call.doubt = false
		s.lease.known = false
		s.call.nextAt = s.at + s.config.retryAfter()
	case Unknown:
		s.call.doubt = s.call.doubt || sent.writes
		s.call.nextAt = s.at + s.config.retryAfter()
	}
}

// believe takes in the record of an answer, unless the watch was ahead of it: what was seen after the request was sent
// may be newer than what the answer has. It tells whether the answer's record is the known one now.
func (s *step) believe(r Record, sent call) bool {
	if s.lease.known && s.lease.seenAt > sent.sentAt && r.precedes(s.lease.record) {
		s.call.doubt = true
		return false
	}
	s.see(r)
	return true
}

// see makes the record the known one. A permit ends with the tenure that it was earned in. A record that names this
// unit for the first time in a term also settles from when on the former holder cannot forward any more: it is over
// already where this unit took the Lease itself, having waited; it is not where somebody else wrote its name there.
func (s *step) see(r Record) {
	if r.Term < s.lease.highest {
		s.granted = 0 // The Lease was made anew, and its terms count from the start again.
	}
	s.lease.see(r, s.at)
	switch {
	case r.Holder != s.config.Self:
		s.tenure, s.permit = tenure{}, Permit{}
	case s.tenure.term != r.Term:
		s.tenure = tenure{term: r.Term}
		if r.Giver != Nobody || s.claimed != r.Term {
			s.tenure.fencedAt = s.at + outlast(max(r.Duration, s.config.LeaseDuration))
		}
	}
}
