package ha

import "time"

// call is the request to the API server. At most one is under way, so that answers come in order.
type call struct {
	id uint64
	// sentAt is when the request was decided, thus before it was sent: what it earns counts from then.
	sentAt time.Duration
	// writes is set while the request under way is a write.
	writes bool
	// mustRead is set while the Lease must be read before anything is written on top of the known record.
	mustRead bool
	// mustReread is set when mustRead was set during a request. A read under way may have been served before.
	mustReread bool
	// nextAt is the earliest instant of the next request, after failures in a row.
	nextAt   time.Duration
	failures int
	// answeredAt is when the last answer came. unansweredAt is when a request last ended without one.
	answeredAt, unansweredAt time.Duration
}

func (c call) isUnderWay() bool { return c.id != 0 }

// canWriteLease reports whether the record is known and no request is under way or has to wait.
func (t *transition) canWriteLease() bool {
	return !t.call.isUnderWay() && t.reached(t.call.nextAt) && t.lease.known && !t.call.mustRead
}

// ensureLeaseKnown reads the Lease if the known record cannot be built on.
func (t *transition) ensureLeaseKnown() {
	if t.call.isUnderWay() {
		return
	}
	t.wakeAt(t.call.nextAt)
	if t.reached(t.call.nextAt) && (!t.lease.known || t.call.mustRead) {
		t.read()
	}
}

// read requests the Lease.
func (t *transition) read() {
	t.call.mustReread = false
	t.request(false)
	t.emit(ReadLease{ID: t.call.id})
}

// write requests that the record replaces the known version. A write must not hide a permit that may still be in use,
// or the next unit would not wait for it. So the duration of the known record stays, if it is the longer one, until the
// former holder cannot forward any more.
func (t *transition) write(r Record) {
	r.Version = t.lease.record.Version
	r.Duration = t.config.LeaseDuration
	if !t.holds() || t.tenure.term == 0 || !t.isFenceConfirmed() {
		r.Duration = max(r.Duration, t.lease.record.Duration)
	}
	t.request(true)
	t.emit(WriteLease{ID: t.call.id, Record: r})
}

// request notes that a request is under way.
func (t *transition) request(writes bool) {
	t.call.id, t.call.sentAt, t.call.writes = t.newID(), t.at, writes
}

// leaseSeen stores a record from the watch. One that looks older than the known record came late, or belongs to a Lease
// that was deleted and created again. Only the API server knows which.
func (t *transition) leaseSeen(r Record) {
	known := t.lease.record
	r = t.correctTerm(r)
	if t.lease.known && r.precedes(known) {
		t.call.mustRead = true
		return
	}
	if t.holds() && r.Holder == t.config.Self && r.Term == known.Term {
		// It repeats a write of this unit's own, whose answer has more in it. But the operator may have written too.
		if r.Paused != known.Paused || r.SwitchoverTo != known.SwitchoverTo || r.TermInvalid {
			t.call.mustRead, t.call.mustReread = true, t.call.isUnderWay()
		}
		return
	}
	t.see(r)
}

// leaseAnswered stores the end of a request.
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
		t.call.mustRead = t.call.mustReread
		t.storeAnswer(t.correctTerm(f.Record), sent)
	case Written:
		t.storeAnswer(f.Record, sent)
		if t.lease.record == f.Record && t.holds() {
			t.wroteAt = sent.sentAt
			if f.Record.Standby == Nobody {
				t.witnessed = max(t.witnessed, sent.sentAt+t.config.LeaseDuration)
			}
		}
	case Conflict:
		t.call.mustRead = true
	case Absent:
		t.call.mustRead = false
		t.lease.known = false
		t.call.nextAt = t.at + t.config.retryAfter()
	case Unknown:
	}
}

// unanswered delays the next request, longer each time. The first retry is quick, since traffic may wait for it.
func (t *transition) unanswered(sent call) {
	t.call.mustRead = t.call.mustRead || sent.writes
	t.call.unansweredAt = t.at
	t.call.nextAt = t.at + min(firstRetry<<min(t.call.failures, 10), t.config.retryAfter())
	t.call.failures++
}

// firstRetry is the pause after the first request that was not answered.
const firstRetry = 50 * time.Millisecond

// storeAnswer stores the record of an answer, unless the watch may have been ahead of it. Then another read has to
// tell: a standby that mistook an old record for the newest would not know that it is named.
func (t *transition) storeAnswer(r Record, sent call) {
	if t.isOvertaken(r, sent) {
		t.call.mustRead = true
		return
	}
	t.see(r)
}

// isOvertaken reports whether the known record may be newer than the record of an answer, because it was seen after the
// request was sent. Two records of one term cannot be ordered.
func (t *transition) isOvertaken(r Record, sent call) bool {
	known := t.lease.record
	if !t.lease.known || t.lease.seenAt <= sent.sentAt || r == known {
		return false
	}
	return r.precedes(known) || r.Term == known.Term && !sent.writes
}

// see makes the record the known one. Permits end with the tenure in which they were earned.
func (t *transition) see(r Record) {
	if r.Term < t.lease.highest {
		t.relinquished, t.outranked = 0, 0 // The Lease was created again, and its terms start from the beginning.
	}
	if r.Standby == t.config.Self && (t.lease.record.Standby != r.Standby || t.lease.record.Term != r.Term) {
		t.lease.namedAt = t.at
	}
	isOwn := r.Holder == t.config.Self && t.servesTenure()
	t.lease.see(r, t.at)
	switch {
	case r.Holder != t.config.Self:
		t.leaveTenure()
	case isOwn && r.Term > t.tenure.term:
		t.renameTenure(r.Term)
	case t.tenure.term != r.Term:
		t.enterTenure(r)
	}
}

// leaveTenure deletes everything that was earned as the holder.
func (t *transition) leaveTenure() {
	t.tenure, t.witnessed, t.isolated, t.wroteAt = tenure{}, 0, 0, 0
	t.pairing, t.beats.answer = pairing{}, answer{}
}

// enterTenure starts a tenure, and determines from when on the former holder cannot forward any more. What this unit
// granted is waited for anyway. But the former holder may also have a permit of the witness, if it handed the Lease
// over in solo or if somebody else wrote this unit's name there.
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
	t.useHandedPermit()
}
