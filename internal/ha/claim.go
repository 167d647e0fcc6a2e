package ha

import "time"

// pollInterval is how often a unit that is not active reads the Lease. It keeps the connection to the API server open,
// since a takeover has no time for a handshake, and it notices a watch that broke silently.
const pollInterval = 20 * time.Second

// claim is an attempt to take the Lease on this unit's own account.
type claim struct {
	// term is the highest that was tried.
	term  uint64
	cause Cause
	// vouched is set when the Lease was released by a holder that had closed its gate.
	vouched bool
	// heardAt is when the former active was heard last. decidedAt is when the takeover was decided.
	heardAt, decidedAt time.Duration
}

// claimable returns when the Lease may be taken, as long as everything stays as it is, and for which cause. A unit that
// is heard to be active in a later term is left alone whatever the Lease holds: the Lease was deleted under it.
func (m Machine) claimable() (time.Duration, Cause) {
	at, cause := m.claimableByLease()
	if h := m.hearing; h.from != Nobody && h.term > m.lease.record.Term {
		at = max(at, m.config.lostAt(h.at))
	}
	return at, cause
}

// claimableByLease returns the same, judged by the Lease alone.
func (m Machine) claimableByLease() (time.Duration, Cause) {
	r, v := m.lease.record, m.lease
	switch {
	case m.isReleased():
		return v.seenAt, CauseFirst // Its holder closed its gate before it wrote this.
	case r.Holder == Nobody && v.highest == 0:
		if m.config.Preferred {
			return max(v.seenAt, m.grant.until), CauseFirst // Time enough to hear an active whose Lease was deleted.
		}
		return v.seenAt + m.config.LeaseDuration, CauseFirst // The preferred unit may be on its way.
	case r.Holder != Nobody && r.Standby == m.config.Self && m.config.HeartbeatInterval != 0:
		return max(m.activeLostAt(), m.config.lostAt(v.namedAt)), CauseSilence
	case r.Holder == Nobody:
		// The Lease was emptied or created by hand. A former holder that it no longer names may still have a permit.
		return v.seenAt + outlast(max(v.longest, m.config.LeaseDuration)), CauseExpiry
	default:
		// A holder that is heard is left alone, even if it cannot renew.
		return max(v.seenAt+outlast(max(r.Duration, m.config.LeaseDuration)), m.activeLostAt()), CauseExpiry
	}
}

// isReleased reports whether the last holder released the Lease and closed its gate before.
func (m Machine) isReleased() bool {
	r := m.lease.record
	return r.Holder == Nobody && r.Giver != Nobody && r.Term >= m.lease.highest
}

// tryClaim takes the Lease if that is allowed now, and otherwise waits.
func (t *transition) tryClaim() {
	from, cause := t.claimable()
	t.wakeAt(from)
	t.wakeAt(t.holdUntil)
	if t.passes(Takeover, t.at) {
		t.claimLease(cause)
		return
	}
	t.pollLease()
}

// claimLease writes this unit as the holder of the next term.
func (t *transition) claimLease(cause Cause) {
	r := t.lease.record
	t.claim = claim{
		term: max(t.lease.highest, t.outranked) + 1, cause: cause, vouched: t.isReleased(),
		heardAt: t.lease.seenAt, decidedAt: t.at,
	}
	if t.hearing.from == r.Holder && t.hearing.term == r.Term && r.Holder != Nobody {
		t.claim.heardAt = t.hearing.at
	}
	t.write(Record{Holder: t.config.Self, Term: t.claim.term, Cause: cause})
}

// pollLease reads the Lease when the API server has not answered anything for long.
func (t *transition) pollLease() {
	next := t.call.answeredAt + pollInterval
	t.wakeAt(next)
	if t.reached(next) {
		t.read()
	}
}
