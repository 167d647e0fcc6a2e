package ha

import "time"

// grant is what this unit, as the standby, allows the active: it does not become active itself before an instant.
type grant struct {
	until time.Duration
}

// hearing is what the standby hears of the active.
type hearing struct {
	from Incarnation
	term uint64
	// at is when the last heartbeat came.
	at time.Duration
	// forgiven is how much of the silence since was forgiven.
	forgiven time.Duration
	health   Health
	// acks has the newest acknowledgements that were sent.
	acks [window]ack
}

// ack is when an acknowledgement was sent.
type ack struct {
	sequence uint64
	at       time.Duration
}

// assumeEarlierGrant starts a process with a grant: the process before it may have given one at the moment it ended.
func (t *transition) assumeEarlierGrant() {
	if t.now == 0 && t.grant.until == 0 {
		t.grant.until = t.at + outlast(t.config.Grant)
	}
}

// forgiveStall leaves the time in which this unit itself stood still out of the peer's silence. What stopped this unit
// may have stopped the peer too, as a hypervisor does that runs both. The peer then needs time to continue, and what it
// sent is still to be read.
//
// Stalls are forgiven until they add up to the time that detects silence. Two units on one machine that is short of
// processors stand still more than once in that time. Without a bound, a unit that gets too little of the processor
// would never find its peer silent. The active forgives one stall, and less of it. Its permit is about to end, and if
// the peer is lost, it must go solo before that.
func (t *transition) forgiveStall() {
	interval := t.config.HeartbeatInterval
	stall := t.at - t.now - interval // The unit wakes that often.
	if t.now == 0 || interval == 0 || stall <= interval/2 {
		return
	}
	if h := &t.hearing; h.from != Nobody && h.forgiven < t.config.detect() {
		counted := max(min(h.at+stall, t.at), t.at-t.config.detect()+interval/2)
		h.at, h.forgiven = counted, h.forgiven+counted-h.at
	}
	if a := &t.beats.answer; a.from != Nobody && !a.forgiven {
		a.sentAt, a.forgiven = max(a.sentAt, t.at-t.config.detect()+interval), true
	}
}

// heartbeatReceived stores a heartbeat, and answers it unless this unit itself is about to be active. The sender of a
// term below the newest known one does not know yet that it has a successor.
func (t *transition) heartbeatReceived(f HeartbeatReceived) {
	known := t.lease.record
	if !t.lease.known || f.From == t.config.Self || f.Term < known.Term || !t.isPlausible(f.Term) {
		return
	}
	isNew := t.hearing.from != f.From || t.hearing.term != f.Term
	if f.Term > known.Term {
		// The peer is active in a term that the watch did not report yet. Perhaps the API server does not know of it
		// either, and then it need not be asked at every heartbeat.
		t.call.mustRead = t.call.mustRead || isNew || t.at-t.call.answeredAt > t.config.retryAfter()
		t.outranked = max(t.outranked, f.Term)
	} else if f.From != known.Holder {
		return
	}
	if isNew {
		t.hearing = hearing{from: f.From, term: f.Term}
	}
	t.hearing.health = f.Health
	if !f.Fenced {
		t.hearing.at, t.hearing.forgiven = t.at, 0
	}
	if t.mayGrant(f) {
		t.acknowledge(f)
	}
}

// mayGrant reports whether this unit accepts that the other one is active.
//   - It does not while it is requesting the Lease itself. After a request without an answer it grants again. Should it
//     be the holder after all, it waits for the end of its grant before it opens. Otherwise no unit could open while
//     the witness does not answer.
//   - It does not while its own gate may be open.
//   - It does not for a peer whose next life is connected already.
func (t *transition) mayGrant(f HeartbeatReceived) bool {
	isClosed := !t.host.gateOpen || t.reached(t.host.ceiling)
	return t.phase == waiting && isClosed && !t.holds() && !t.call.writes &&
		(t.peer.incarnation == Nobody || t.peer.incarnation == f.From)
}

// acknowledge grants what a heartbeat requested.
func (t *transition) acknowledge(f HeartbeatReceived) {
	t.grant.until = max(t.grant.until, t.at+outlast(f.Grant))
	t.hearing.acks[f.Sequence%window] = ack{sequence: f.Sequence, at: t.at}
	t.emit(AcknowledgeHeartbeat{
		Term: f.Term, Sequence: f.Sequence, Ready: t.passes(Promotion, t.at), Health: t.ownHealth(),
	})
}

// activeLostAt returns when this unit, as the standby, counts the active as lost.
func (m Machine) activeLostAt() time.Duration {
	h, r := m.hearing, m.lease.record
	if m.config.HeartbeatInterval == 0 || h.from != r.Holder || h.term != r.Term {
		return 0
	}
	return m.config.lostAt(h.at)
}

// handedPermit is the permit that comes with a term that was handed over.
type handedPermit struct {
	term uint64
	// from is the instant from which the permit counts.
	from time.Duration
}

// storeHandedPermit determines from when a handed-over permit counts. This unit sent the acknowledgement before the
// giver requested the handover, and any other unit that wants the Lease counts from after that.
func (t *transition) storeHandedPermit(f PeerRelinquished) {
	a := t.hearing.acks[f.Sequence%window]
	if f.Sequence != 0 && a.sequence == f.Sequence && t.hearing.term+1 == f.Term {
		t.handed = handedPermit{term: f.Term, from: a.at}
		t.useHandedPermit()
	}
}

// useHandedPermit counts what was handed over as a permit of the witness, once the Lease names this unit.
func (t *transition) useHandedPermit() {
	if t.holds() && t.handed.term == t.tenure.term {
		lasts := min(t.lease.record.Duration, t.config.LeaseDuration)
		t.witnessed = max(t.witnessed, t.handed.from+lasts)
	}
}
