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
	// nextAt is the earliest instant of the next request, after some that failed in a row.
	nextAt   time.Duration
	failures int
	// answeredAt is when the last answer came, and unansweredAt when last none did.
	answeredAt, unansweredAt time.Duration
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

// write asks for the record in place of the version that is known. A write must not hide a permit that may still be in
// use, or whoever comes next would not wait for it: until the former holder cannot forward any more, the duration of
// its record stays, if it is the longer one.
func (s *step) write(r Record) {
	r.Version = s.lease.record.Version
	r.Duration = s.config.LeaseDuration
	if !s.holds() || s.tenure.term == 0 || !s.fenceConfirmed() {
		r.Duration = max(r.Duration, s.lease.record.Duration)
	}
	s.request(true)
	s.emit(WriteLease{ID: s.call.id, Record: r})
}

func (s *step) request(writes bool) {
	s.call.id, s.call.sentAt, s.call.writes = s.newID(), s.at, writes
}

// leaseSeen takes in a record from the watch. One that looks older than the known record is a straggler, or belongs to
// a Lease that was deleted and made anew: only the API server can tell which.
func (s *step) leaseSeen(r Record) {
	if s.lease.known && r.precedes(s.lease.record) {
		s.call.doubt = true
		return
	}
	if s.holds() && r.Holder == s.config.Self && r.Term == s.lease.record.Term {
		if r.Paused != s.lease.record.Paused {
			s.call.doubt = true // Somebody else wrote too, or this is from before he did.
		}
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
	s.call.id, s.call.writes, s.call.nextAt = 0, false, 0
	if f.Outcome == Unknown {
		s.unanswered(sent)
		return
	}
	s.call.failures, s.call.answeredAt = 0, s.at
	switch f.Outcome {
	case Read:
		s.call.doubt = false
		s.believe(f.Record, sent)
	case Written:
		if s.believe(f.Record, sent) && s.holds() {
			s.wroteAt = sent.sentAt
			if f.Record.Standby == Nobody {
				s.witnessed = max(s.witnessed, sent.sentAt+s.config.LeaseDuration)
			}
		}
	case Conflict:
		s.call.doubt = true
	case Absent:
		s.call.doubt = false
		s.lease.known = false
		s.call.nextAt = s.at + s.config.retryAfter()
	case Unknown:
	}
}

// unanswered puts the next request off, longer each time: at first somebody waits for it, and later the API server is
// away.
func (s *step) unanswered(sent call) {
	s.call.doubt = s.call.doubt || sent.writes
	s.call.unansweredAt = s.at
	s.call.nextAt = s.at + min(firstRetry<<min(s.call.failures, 10), s.config.retryAfter())
	s.call.failures++
}

// firstRetry is the pause after the first request that was not answered.
const firstRetry = 50 * time.Millisecond

// believe takes in the record of an answer, unless the watch was ahead of it: what was seen after the request was sent
// may be newer than what the answer has. Of two records of one term that is not to be told, and another read has to: a
// standby that took an old record for the newest would not know that it is named. It tells whether the answer's record
// is the known one now.
func (s *step) believe(r Record, sent call) bool {
	known := s.lease.record
	ahead := s.lease.known && s.lease.seenAt > sent.sentAt && r != known
	if ahead && (r.precedes(known) || r.Term == known.Term && !sent.writes) {
		s.call.doubt = true
		return false
	}
	s.see(r)
	return true
}

// see makes the record the known one. Permits end with the tenure that they were earned in. A record that names this
// unit for the first time in a term also settles from when on the former holder cannot forward any more: what this unit
// promised it was waited for already, or will be; and it may hold a permit of the witness where it handed the Lease
// over, or where somebody else wrote this unit's name there.
func (s *step) see(r Record) {
	if r.Term < s.lease.highest {
		s.granted, s.outranked = 0, 0 // The Lease was made anew, and its terms count from the start again.
	}
	if r.Standby == s.config.Self && (s.lease.record.Standby != r.Standby || s.lease.record.Term != r.Term) {
		s.lease.namedAt = s.at
	}
	s.lease.see(r, s.at)
	switch {
	case r.Holder != s.config.Self:
		s.leaveTenure()
	case s.tenure.term != r.Term:
		s.enterTenure(r)
	}
}

func (s *step) leaveTenure() {
	s.tenure, s.witnessed, s.isolated, s.wroteAt = tenure{}, 0, 0, 0
	s.pairing, s.beats.echo = pairing{}, echo{}
}

func (s *step) enterTenure(r Record) {
	s.leaveTenure()
	s.tenure = tenure{term: r.Term, at: s.at}
	if own := r.Giver == Nobody && s.claim.term == r.Term; own {
		s.tenure.claim = s.claim
		return
	}
	s.tenure.claim = claim{cause: r.Cause, heardAt: s.at, decidedAt: s.at}
	if r.Standby != s.config.Self {
		s.tenure.fencedAt = s.at + outlast(max(r.Duration, s.config.LeaseDuration))
	}
	s.useInheritance()
}
