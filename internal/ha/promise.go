package ha

import "time"

// promise is this unit's word, given as the standby, not to become active before an instant.
type promise struct {
	until time.Duration
}

// forgiveStall: a unit that stood still itself cannot tell whether the peer was silent. What came meanwhile is about to
// be heard, so that it listens a while longer before it judges.
func (t *transition) forgiveStall() {
	interval := t.config.HeartbeatInterval
	if t.now != 0 && t.at-t.now > 2*interval {
		t.hearing.at = max(t.hearing.at, t.at-t.config.detect()+interval/2)
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
func (t *transition) bornWithPromise() {
	if t.now == 0 && t.promise.until == 0 {
		t.promise.until = t.at + outlast(t.config.Grant)
	}
}

// heard takes in a heartbeat, and answers it unless this unit means to be active itself. What is below the newest term
// that is known comes from somebody who does not know yet that he was succeeded.
func (t *transition) heard(f HeartbeatReceived) {
	known := t.lease.record
	if !t.lease.known || f.From == t.config.Self || f.Term < known.Term {
		return
	}
	isNew := t.hearing.from != f.From || t.hearing.term != f.Term
	if f.Term > known.Term {
		// Somebody is active in a term that the watch did not tell of yet; or that the API server does not know of, either,
		// and then it need not be asked at every heartbeat.
		t.call.doubt = t.call.doubt || isNew || t.at-t.call.answeredAt > t.config.retryAfter()
		t.outranked = max(t.outranked, f.Term)
	} else if f.From != known.Holder {
		return
	}
	if isNew {
		t.hearing = hearing{from: f.From, term: f.Term}
	}
	t.hearing.health = f.Health
	if !f.Fenced {
		t.hearing.at = t.at
	}
	if t.mayPromise(f) {
		t.promiseFor(f)
	}
}

// mayPromise tells whether this unit is content with the other one being active. It is not while it is asking for the
// Lease. When that was not answered, it promises again: should it be the holder after all, it waits for the promise as
// for any other before it opens, and else nobody could open while the witness does not answer. It is not content while
// its own gate may be open still, and a peer whose next life is connected already is not vouched for.
func (t *transition) mayPromise(f HeartbeatReceived) bool {
	closed := !t.host.gateOpen || t.at >= t.host.ceiling
	return t.phase == waiting && closed && !t.holds() && !t.call.writes &&
		(t.peer.incarnation == Nobody || t.peer.incarnation == f.From)
}

func (t *transition) promiseFor(f HeartbeatReceived) {
	t.promise.until = max(t.promise.until, t.at+outlast(f.Grant))
	t.hearing.acks[f.Sequence%window] = ack{sequence: f.Sequence, at: t.at}
	t.emit(AcknowledgeHeartbeat{
		Term: f.Term, Sequence: f.Sequence, Ready: t.passes(Inheritance, t.at), Health: t.ownHealth(),
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
func (t *transition) inherit(f PeerRelinquished) {
	a := t.hearing.acks[f.Sequence%window]
	if f.Sequence != 0 && a.sequence == f.Sequence && t.hearing.term+1 == f.Term {
		t.inherited = inheritance{term: f.Term, from: a.at}
		t.useInheritance()
	}
}

// useInheritance counts what was handed over as a permit of the witness, once the Lease names this unit.
func (t *transition) useInheritance() {
	if t.holds() && t.inherited.term == t.tenure.term {
		lasts := min(t.lease.record.Duration, t.config.LeaseDuration)
		t.witnessed = max(t.witnessed, t.inherited.from+lasts)
	}
}

// inheritance is from when on the permit of a term counts that was handed over.
type inheritance struct {
	term uint64
	from time.Duration
}
