package ha

import "time"

const (
	// unsyncedFor is how long a named standby may be out of sync. Most resynchronisations are shorter.
	unsyncedFor = 2 * time.Second
	// reportAfter is how long after a promotion the Lease is written to publish its report, when the traffic has
	// recovered.
	reportAfter = time.Second
)

// pairing is the way from solo to paired.
type pairing struct {
	// preparing is set while the gate's deadline is reduced to what the peer has granted. The right from the witness must
	// be given up before the peer gets the right to take the Lease.
	preparing bool
	// base is the version that a write was to replace by one that names a standby. While it is still the known version,
	// that write may have happened.
	base string
}

// isPaired reports whether the Lease names a standby, or may name one.
func (m Machine) isPaired() bool {
	return m.namedStandby() != Nobody || m.pairing.preparing ||
		m.pairing.base != "" && m.pairing.base == m.lease.record.Version
}

// namedStandby returns the standby that the Lease names. A handover names the holder itself there, which is not a
// standby.
func (m Machine) namedStandby() Incarnation {
	if r := m.lease.record; r.Standby != r.Holder {
		return r.Standby
	}
	return Nobody
}

// keepLease writes the Lease when it is time: to name a standby, to remove one, or to show that the holder is alive.
func (t *transition) keepLease() {
	t.ensureLeaseKnown()
	t.wakeForPairing()
	named, wanted := t.namedStandby(), t.wantedStandby()
	if wanted != Nobody && wanted != named {
		t.pair(wanted)
		return
	}
	t.pairing.preparing = false
	if wanted == Nobody && t.isPaired() {
		t.beats.answer.steadyFrom = t.at // It starts from the beginning, even if it is heard again at once.
		if t.canWriteLease() {
			t.write(t.tenureRecord(Nobody))
		}
		return
	}
	t.renew()
}

// pair names a standby, once the kernel has the deadline that the standby's own grant gives.
func (t *transition) pair(standby Incarnation) {
	t.pairing.preparing = true
	t.adjustGate()
	if t.host.opening.isUnderWay() || t.host.ceiling > t.Permit().Deadline || !t.canWriteLease() {
		return
	}
	t.pairing = pairing{base: t.lease.record.Version}
	t.write(t.tenureRecord(standby))
}

// wantedStandby returns the unit that the Lease should name as standby. A named standby stays until it is silent, or
// out of sync for a while. A new one must have shown itself first.
func (t *transition) wantedStandby() Incarnation {
	if t.config.HeartbeatInterval == 0 {
		return Nobody
	}
	a, named := t.beats.answer, t.namedStandby()
	isSilent := t.reached(t.config.silentAt(a.sentAt))
	if named != Nobody {
		isLost := a.from != named || isSilent ||
			!t.peer.inSync && t.reached(t.peer.outOfSyncFrom+unsyncedFor)
		if isLost {
			return Nobody
		}
		return named
	}
	isUseful := a.from != Nobody && a.from == t.peer.incarnation && t.peer.inSync && a.ready &&
		!isSilent && t.reached(a.steadyFrom+t.config.steady())
	if isUseful && t.phase == serving && !t.stop.requested {
		return a.from
	}
	return Nobody
}

// wakeForPairing requests a Tick for the instants at which wantedStandby may change.
func (t *transition) wakeForPairing() {
	a := t.beats.answer
	if t.config.HeartbeatInterval == 0 || a.from == Nobody {
		return
	}
	t.wakeAt(t.config.silentAt(a.sentAt))
	t.wakeAt(a.steadyFrom + t.config.steady())
	if !t.peer.inSync {
		t.wakeAt(t.peer.outOfSyncFrom + unsyncedFor)
	}
}

// steady returns how long the peer must have answered without a gap before it is named as standby. The price is that a
// failover takes as long as the Lease lasts until then. But each naming is a write of the Lease, and a flapping link
// should not cause many.
func (c Config) steady() time.Duration { return 10 * c.HeartbeatInterval }

// tenureRecord returns the record of this unit's own tenure.
func (m Machine) tenureRecord(standby Incarnation) Record {
	return Record{Holder: m.config.Self, Standby: standby, Term: m.lease.record.Term, Cause: m.lease.record.Cause}
}

// renew writes the Lease again when it is time: in solo for the permit that this earns, and in paired only to be seen.
// A promotion's report is published with the next write, which is therefore due soon. A Lease with an invalid term is
// repaired at once.
func (t *transition) renew() {
	after := t.config.renewAfter()
	if t.namedStandby() != Nobody {
		after = t.config.refreshAfter()
	}
	next := t.wroteAt + after
	if ended := t.promotion.report.EndedAt; t.wroteAt < ended {
		next = min(next, ended+reportAfter)
	}
	if t.lease.record.TermInvalid {
		next = t.at
	}
	t.wakeAt(next)
	if t.reached(next) && t.canWriteLease() {
		t.write(t.tenureRecord(t.namedStandby()))
	}
}

// refreshAfter returns how long after a write the next one is due in paired, where no permit depends on it. It is
// before anybody could take the Lease for expired.
func (c Config) refreshAfter() time.Duration { return c.LeaseDuration * 4 / 5 }
