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
func (t *transition) settled() bool {
	if t.call.underWay() || !t.due(t.call.nextAt) {
		return false
	}
	if t.lease.known && !t.call.doubt {
		return true
	}
	t.request(false)
	t.emit(ReadLease{ID: t.call.id})
	return false
}

// write asks for the record in place of the version that is known. A write must not hide a permit that may still be in
// use, or whoever comes next would not wait for it: until the former holder cannot forward any more, the duration of
// its record stays, if it is the longer one.
func (t *transition) write(r Record) {
	r.Version = t.lease.record.Version
	r.Duration = t.config.LeaseDuration
	if !t.holds() || t.tenure.term == 0 || !t.fenceConfirmed() {
		r.Duration = max(r.Duration, t.lease.record.Duration)
	}
	t.request(true)
	t.emit(WriteLease{ID: t.call.id, Record: r})
}

func (t *transition) request(writes bool) {
	t.call.id, t.call.sentAt, t.call.writes = t.newID(), t.at, writes
}

// leaseSeen takes in a record from the watch. One that looks older than the known record is a straggler, or belongs to
// a Lease that was deleted and made anew: only the API server can tell which.
func (t *transition) leaseSeen(r Record) {
	if t.lease.known && r.precedes(t.lease.record) {
		t.call.doubt = true
		return
	}
	if t.holds() && r.Holder == t.config.Self && r.Term == t.lease.record.Term {
		if r.Paused != t.lease.record.Paused {
			t.call.doubt = true // Somebody else wrote too, or this is from before he did.
		}
		return // The echo of a write of this unit's own, whose answer tells more.
	}
	t.see(r)
}

// leaseAnswered takes in the end of a request.
func (t *transition) leaseAnswered(f LeaseAnswered) {
	if f.ID != t.call.id {
		return
	}
	sent := t.call
	t.call.id, t.call.writes, t.call.nextAt = 0, false, 0
	if f.Outcome == Unknown {
		t.unanswered(sent)
		return
	}
	t.call.failures, t.call.answeredAt = 0, t.at
	switch f.Outcome {
	case Read:
		t.call.doubt = false
		t.believe(f.Record, sent)
	case Written:
		if t.believe(f.Record, sent) && t.holds() {
			t.wroteAt = sent.sentAt
			if f.Record.Standby == Nobody {
				t.witnessed = max(t.witnessed, sent.sentAt+t.config.LeaseDuration)
			}
		}
	case Conflict:
		t.call.doubt = true
	case Absent:
		t.call.doubt = false
		t.lease.known = false
		t.call.nextAt = t.at + t.config.retryAfter()
	case Unknown:
	}
}

// unanswered puts the next request off, longer each time: at first somebody waits for it, and later the API server is
// away.
func (t *transition) unanswered(sent call) {
	t.call.doubt = t.call.doubt || sent.writes
	t.call.unansweredAt = t.at
	t.call.nextAt = t.at + min(firstRetry<<min(t.call.failures, 10), t.config.retryAfter())
	t.call.failures++
}

// firstRetry is the pause after the first request that was not answered.
const firstRetry = 50 * time.Millisecond

// believe takes in the record of an answer, unless the watch was ahead of it: what was seen after the request was sent
// may be newer than what the answer has. Of two records of one term that is not to be told, and another read has to: a
// standby that took an old record for the newest would not know that it is named. It tells whether the answer's record
// is the known one now.
func (t *transition) believe(r Record, sent call) bool {
	known := t.lease.record
	ahead := t.lease.known && t.lease.seenAt > sent.sentAt && r != known
	if ahead && (r.precedes(known) || r.Term == known.Term && !sent.writes) {
		t.call.doubt = true
		return false
	}
	t.see(r)
	return true
}

// see makes the record the known one. Permits end with the tenure that they were earned in. A record that names this
// unit for the first time in a term also settles from when on the former holder cannot forward any more: what this unit
// promised it was waited for already, or will be; and it may hold a permit of the witness where it handed the Lease
// over, or where somebody else wrote this unit's name there.
func (t *transition) see(r Record) {
	if r.Term < t.lease.highest {
		t.relinquished, t.outranked = 0, 0 // The Lease was made anew, and its terms count from the start again.
	}
	if r.Standby == t.config.Self && (t.lease.record.Standby != r.Standby || t.lease.record.Term != r.Term) {
		t.lease.namedAt = t.at
	}
	t.lease.see(r, t.at)
	switch {
	case r.Holder != t.config.Self:
		t.leaveTenure()
	case t.tenure.term != r.Term:
		t.enterTenure(r)
	}
}

func (t *transition) leaveTenure() {
	t.tenure, t.witnessed, t.isolated, t.wroteAt = tenure{}, 0, 0, 0
	t.pairing, t.beats.echo = pairing{}, echo{}
}

func (t *transition) enterTenure(r Record) {
	t.leaveTenure()
	t.tenure = tenure{term: r.Term, at: t.at}
	if own := r.Giver == Nobody && t.claim.term == r.Term; own {
		t.tenure.claim = t.claim
		return
	}
	t.tenure.claim = claim{cause: r.Cause, heardAt: t.at, decidedAt: t.at}
	if r.Standby != t.config.Self {
		t.tenure.fencedAt = t.at + outlast(max(r.Duration, t.config.LeaseDuration))
	}
	t.useInheritance()
}
