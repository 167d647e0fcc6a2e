package ha

import "time"

// releaseReserve is how long before the deadline of a stop the unit ceases to look for a way to hand over.
const releaseReserve = 5 * time.Second

// maxGrants is how often a grant is tried. Without it the peer waits the lease out.
const maxGrants = 3

// handover is a switchover to the peer, from the side that gives.
type handover struct {
	flush   attempt
	flushed bool
	// offered is what the Lease says once the handover has happened.
	offered Record
	// sequence is that of the newest heartbeat whose acknowledgement this unit had before it wrote that.
	sequence uint64
	grant    attempt
}

// handOver gives the Lease to the peer while this unit still forwards: flush, so that little is left to send, then the
// write. From the moment the Lease names the peer the machine is waiting, where it closes the gate and then grants. A
// write that fails has changed nothing, and the unit tries again: until too little time is left, where it is to stop,
// or not at all for a while otherwise.
func (s *step) handOver(cause Cause) {
	h := &s.handover
	if cause == CauseUnknown {
		if !s.call.underWay() && !s.call.doubt {
			*h = handover{} // Nothing that was asked for can still happen.
		}
		return
	}
	if cause == CauseStop {
		if s.due(s.stop.deadline-releaseReserve) || !s.passes(Switchover, s.at) {
			s.phase = releasing
			return
		}
	} else if h.flush.tries >= maxFlushes {
		*h = handover{}
		s.holdUntil = s.at + s.config.LeaseDuration
		return
	}
	if !h.flushed {
		if s.canTry(&h.flush) {
			s.emit(Flush{ID: s.begin(&h.flush)})
		}
		return
	}
	if s.settled() {
		s.offer(cause)
	}
}

// offer writes the handover. If this unit forwards by the peer's promise alone, the record says so, and the peer need
// not wait longer than for its own promise should this unit die now.
func (s *step) offer(cause Cause) {
	h := &s.handover
	h.offered = Record{
		Holder: s.peer.incarnation, Giver: s.config.Self, Term: s.lease.record.Term + 1, Cause: cause,
	}
	if s.lease.record.Standby == h.offered.Holder {
		h.offered.Standby = h.offered.Holder
	}
	if e := s.beats.echo; e.from == h.offered.Holder {
		h.sequence = e.sequence
	}
	s.write(h.offered)
}

// grantOwed sends the peer the grant that it waits for, and tells whether nothing is owed any more.
func (s *step) grantOwed() bool {
	if !s.owes() {
		return true
	}
	h, r := &s.handover, s.lease.record
	if s.peer.incarnation != h.offered.Holder || h.grant.tries >= maxGrants {
		s.handover = handover{}
		return true
	}
	if s.canTry(&h.grant) {
		s.emit(Grant{ID: s.begin(&h.grant), Term: r.Term, Sequence: h.sequence})
	}
	return false
}

// owes tells whether the Lease went to the peer by this unit's own hand, and the grant did not follow yet.
func (m Machine) owes() bool {
	offered, r := m.handover.offered, m.lease.record
	return offered.Holder != Nobody && r.Holder == offered.Holder && r.Term == offered.Term
}

// handoverDone takes in the end of a flush or a grant.
func (s *step) handoverDone(f EffectDone) {
	h := &s.handover
	switch {
	case h.flush.underWay() && f.ID == h.flush.id:
		h.flushed = s.finish(&h.flush, f.Err)
	case h.grant.underWay() && f.ID == h.grant.id:
		if s.finish(&h.grant, f.Err) {
			s.handover = handover{}
		}
	}
}
