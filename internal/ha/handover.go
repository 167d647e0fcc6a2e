package ha

import "time"

// releaseReserve is how long before the deadline of a stop the unit stops trying to hand over.
const releaseReserve = 5 * time.Second

// maxRelinquishes is how often relinquishing is tried. Without it the peer waits the lease out.
const maxRelinquishes = 3

// handover is a switchover to the peer, from the giver's side.
type handover struct {
	flush   attempt
	flushed bool
	// offered is the content of the Lease once the handover has happened.
	offered Record
	// sequence is that of the newest heartbeat whose acknowledgement this unit had before it wrote that.
	sequence   uint64
	relinquish attempt
}

// handOver gives the Lease to the peer while this unit still forwards. It flushes first, so that little is left to
// send, and then writes. Once the Lease names the peer, the machine is waiting, where it closes the gate and
// relinquishes. A write that fails has changed nothing and is tried again: until too little time is left for a stop,
// and after a pause for the other causes.
func (t *transition) handOver(cause Cause) {
	h := &t.handover
	if cause == CauseUnknown {
		if !t.call.isUnderWay() && !t.call.mustRead {
			*h = handover{} // No request that could still take effect is left.
		}
		return
	}
	if cause == CauseStop {
		lastTry := t.stop.deadline - releaseReserve
		t.wakeAt(lastTry)
		if t.reached(lastTry) || !t.passes(Switchover, t.at) {
			t.phase = releasing
			return
		}
	} else if h.flush.tries >= maxFlushes {
		*h = handover{}
		t.holdUntil = t.at + t.config.LeaseDuration
		return
	}
	if !h.flushed {
		t.wakeAt(h.flush.retryAt)
		if h.flush.isReady(t.at) {
			t.emit(Flush{ID: t.begin(&h.flush)})
		}
		return
	}
	t.ensureLeaseKnown()
	if t.canWriteLease() {
		t.offer(cause)
	}
}

// offer writes the handover. If this unit forwards by the peer's grants alone, the record shows it. The peer then waits
// only for its own grant should this unit die now.
func (t *transition) offer(cause Cause) {
	h := &t.handover
	h.offered = Record{
		Holder: t.peer.incarnation, Giver: t.config.Self, Term: t.lease.record.Term + 1, Cause: cause,
	}
	if t.lease.record.Standby == h.offered.Holder {
		h.offered.Standby = h.offered.Holder
	}
	if a := t.beats.answer; a.from == h.offered.Holder {
		h.sequence = a.sequence
	}
	t.write(h.offered)
}

// ensureRelinquished sends the peer the word that it waits for. It stops trying when the peer has gone, or after a few
// failures.
func (t *transition) ensureRelinquished() {
	if !t.owesRelinquish() {
		return
	}
	h, r := &t.handover, t.lease.record
	if t.peer.incarnation != h.offered.Holder || h.relinquish.tries >= maxRelinquishes {
		t.handover = handover{}
		return
	}
	t.wakeAt(h.relinquish.retryAt)
	if h.relinquish.isReady(t.at) {
		t.emit(Relinquish{ID: t.begin(&h.relinquish), Term: r.Term, Sequence: h.sequence})
	}
}

// owesRelinquish reports whether this unit handed the Lease to the peer and has not relinquished the role yet.
func (m Machine) owesRelinquish() bool {
	offered, r := m.handover.offered, m.lease.record
	return offered.Holder != Nobody && r.Holder == offered.Holder && r.Term == offered.Term
}

// handoverDone stores the end of a flush or of relinquishing.
func (t *transition) handoverDone(f EffectDone) {
	h := &t.handover
	switch {
	case h.flush.isUnderWay() && f.ID == h.flush.id:
		t.finish(&h.flush, f.Err)
		h.flushed = f.Err == nil
	case h.relinquish.isUnderWay() && f.ID == h.relinquish.id:
		t.finish(&h.relinquish, f.Err)
		if f.Err == nil {
			t.handover = handover{}
		}
	}
}
