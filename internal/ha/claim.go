package ha

import "time"

// lookInterval is how often a unit that is not active reads the Lease: it keeps its connection to the API server warm,
// for a takeover is no time to shake hands, and finds out about a watch that broke unseen.
const lookInterval = 20 * time.Second

// claim is an attempt to take the Lease on this unit's own account.
type claim struct {
	// term is the highest that was tried.
	term  uint64
	cause Cause
	// vouched is set when the Lease was released by a holder that had closed its gate.
	vouched bool
	// heardAt is when the former active was heard last, and decidedAt when it was decided to take over from it.
	heardAt, decidedAt time.Duration
}

// claimable is when the Lease may be taken, as long as everything stays as it is, and for which cause. Whatever the
// Lease says, a unit that is heard to be active in a later term is left alone: the Lease was deleted under it.
func (m Machine) claimable() (time.Duration, Cause) {
	at, cause := m.claimableByLease()
	if h := m.hearing; h.from != Nobody && h.term > m.lease.record.Term {
		at = max(at, h.at+m.config.detect()+m.config.HeartbeatInterval/2)
	}
	return at, cause
}

func (m Machine) claimableByLease() (time.Duration, Cause) {
	r, v := m.lease.record, m.lease
	switch {
	case r.Holder == Nobody && r.Giver != Nobody && r.Term >= v.highest:
		return v.seenAt, CauseFirst // Its holder closed its gate before it wrote this.
	case r.Holder == Nobody && v.highest == 0:
		if m.config.Preferred {
			return max(v.seenAt, m.promise.until), CauseFirst // Time enough to hear an active that lost its Lease.
		}
		return v.seenAt + m.config.LeaseDuration, CauseFirst // The preferred unit may be on its way.
	case r.Holder != Nobody && r.Standby == m.config.Self && m.config.HeartbeatInterval != 0:
		return max(m.silentAt(), v.namedAt+m.config.detect()+m.config.HeartbeatInterval/2), CauseSilence
	case r.Holder == Nobody:
		// The Lease was emptied or made anew by hand: a permit of somebody whom it no longer names may be in use.
		return v.seenAt + outlast(max(v.longest, m.config.LeaseDuration)), CauseExpiry
	default:
		// A holder that is heard is left alone, even if it cannot renew.
		return max(v.seenAt+outlast(max(r.Duration, m.config.LeaseDuration)), m.silentAt()), CauseExpiry
	}
}

// take tries to become the holder of the next term.
func (t *transition) take() {
	r := t.lease.record
	_, cause := t.claimable()
	t.claim = claim{
		term: max(t.lease.highest, t.outranked) + 1, cause: cause, heardAt: t.lease.seenAt, decidedAt: t.at,
		vouched: r.Holder == Nobody && r.Giver != Nobody && r.Term >= t.lease.highest,
	}
	if t.hearing.from == r.Holder && t.hearing.term == r.Term && r.Holder != Nobody {
		t.claim.heardAt = t.hearing.at
	}
	t.write(Record{Holder: t.config.Self, Term: t.claim.term, Cause: cause})
}

// look reads the Lease when nothing was heard of it for long.
func (t *transition) look() {
	if !t.call.underWay() && t.due(t.call.answeredAt+lookInterval) {
		t.request(false)
		t.emit(ReadLease{ID: t.call.id})
	}
}
