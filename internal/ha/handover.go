package ha

import "time"

// releaseReserve is how long before the deadline of a stop the unit ceases to look for a way to hand over.
const releaseReserve = 5 * time.Second

// maxRelinquishes is how often a grant is tried. Without it the peer waits the lease out.
const maxRelinquishes = 3

// handover is a switchover to the peer, from the side that gives.
type handover struct {
	flush   attempt
	flushed bool
	// offered is what the Lease says once the handover has happened.
	offered Record
	// sequence is that of the newest heartbeat whose acknowledgement this unit had before it wrote that.
	sequence   uint64
	relinquish attempt
}

// handOver gives the Lease to the peer while this unit still forwards: flush, so that little is left to send, then the
// write. From the moment the Lease names the peer the machine is waiting, where it closes the gate and then grants. A
// write that fails has changed nothing, and the unit tries again: until too little time is left, where it is to stop,
// or not at all for a while otherwise.
func (t *transition) handOver(cause Cause) {
	h := &t.handover
	if cause == CauseUnknown {
		if !t.call.underWay() && !t.call.doubt {
			*h = handover{} // Nothing that was asked for can still happen.
		}
		return
	}
	if cause == CauseStop {
		if t.due(t.stop.deadline-releaseReserve) || !t.passes(Switchover, t.at) {
			t.phase = releasing
			return
		}
	} else if h.flush.tries >= maxFlushes {
		*h = handover{}
		t.holdUntil = t.at + t.config.LeaseDuration
		return
	}
	if !h.flushed {
		if t.canTry(&h.flush) {
			t.emit(Flush{ID: t.begin(&h.flush)})
		}
		return
	}
	if t.settled() {
		t.offer(cause)
	}
}

// offer writes the handover. If this unit forwards by the peer's promise alone, the record says so, and the peer need
// not wait longer than for its own promise should this unit die now.
func (t *transition) offer(cause Cause) {
	h := &t.handover
	h.offered = Record{
		Holder: t.peer.incarnation, Giver: t.config.Self, Term: t.lease.record.Term + 1, Cause: cause,
	}
	if t.lease.record.Standby == h.offered.Holder {
		h.offered.Standby = h.offered.Holder
	}
	if e := t.beats.echo; e.from == h.offered.Holder {
		h.sequence = e.sequence
	}
	t.write(h.offered)
}

// ensureRelinquished sends the peer the grant that it waits for, and tells whether nothing is owed any more.
func (t *transition) ensureRelinquished() bool {
	if !t.owes() {
		return true
	}
	h, r := &t.handover, t.lease.record
	if t.peer.incarnation != h.offered.Holder || h.relinquish.tries >= maxRelinquishes {
		t.handover = handover{}
		return true
	}
	if t.canTry(&h.relinquish) {
		t.emit(Relinquish{ID: t.begin(&h.relinquish), Term: r.Term, Sequence: h.sequence})
	}
	return false
}

// owes tells whether the Lease went to the peer by this unit's own hand, and the grant did not follow yet.
func (m Machine) owes() bool {
	offered, r := m.handover.offered, m.lease.record
	return offered.Holder != Nobody && r.Holder == offered.Holder && r.Term == offered.Term
}

// handoverDone takes in the end of a flush or a grant.
func (t *transition) handoverDone(f EffectDone) {
	h := &t.handover
	switch {
	case h.flush.underWay() && f.ID == h.flush.id:
		h.flushed = t.finish(&h.flush, f.Err)
	case h.relinquish.underWay() && f.ID == h.relinquish.id:
		if t.finish(&h.relinquish, f.Err) {
			t.handover = handover{}
		}
	}
}
