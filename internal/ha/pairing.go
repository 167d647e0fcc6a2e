package ha

import "time"

const (
	// unsyncedFor is how long a named standby may be out of sync: a resynchronisation is shorter, mostly.
	unsyncedFor = 2 * time.Second
	// reportAfter is how long after a promotion the Lease is written to tell of it, when the traffic has recovered.
	reportAfter = time.Second
)

// pairing is the way from solo to paired.
type pairing struct {
	// preparing is set while the gate is being shortened to what the peer has promised: the right that the witness gave
	// is given up before the peer gets the right to take the Lease.
	preparing bool
	// base is the version that a write was to replace by one that names a standby. While it is the one that is known,
	// that write may have happened.
	base string
}

// paired tells whether the Lease names a standby, or may do so for all that is known.
func (m Machine) paired() bool {
	return m.named() != Nobody || m.pairing.preparing ||
		m.pairing.base != "" && m.pairing.base == m.lease.record.Version
}

// named is the standby that the Lease names. The holder itself is none: a record that handed it the Lease says so.
func (m Machine) named() Incarnation {
	if r := m.lease.record; r.Standby != r.Holder {
		return r.Standby
	}
	return Nobody
}

// keepLease writes the Lease when it is time: to name a standby, to name none any more, or to show that the holder is
// there.
func (t *transition) keepLease() {
	settled := t.settled()
	named, wanted := t.named(), t.wantedStandby()
	if wanted != Nobody && wanted != named {
		t.pair(wanted, settled)
		return
	}
	t.pairing.preparing = false
	if wanted == Nobody && t.paired() {
		t.beats.echo.steadyFrom = t.at // It begins anew, even if it is heard again at once.
		if settled {
			t.write(t.tenureRecord(Nobody))
		}
		return
	}
	t.renew(settled)
}

// pair names a standby, once the kernel has the deadline that the standby's own promise gives.
func (t *transition) pair(standby Incarnation, settled bool) {
	t.pairing.preparing = true
	t.adjustGate()
	if t.host.opening.underWay() || t.host.ceiling > t.Permit().Deadline || !settled {
		return
	}
	t.pairing = pairing{base: t.lease.record.Version}
	t.write(t.tenureRecord(standby))
}

// wantedStandby is whom the Lease should name. One that is named stays so until it is silent, or was out of sync for a
// while; one that is not must have shown itself first.
func (t *transition) wantedStandby() Incarnation {
	if t.config.HeartbeatInterval == 0 {
		return Nobody
	}
	e, named := t.beats.echo, t.named()
	if named != Nobody {
		gone := e.from != named || t.due(t.config.silentAt(e.sentAt)) ||
			!t.peer.inSync && t.due(t.peer.outOfSyncFrom+unsyncedFor)
		if gone {
			return Nobody
		}
		return named
	}
	there := e.from != Nobody && e.from == t.peer.incarnation && t.peer.inSync && e.ready &&
		!t.due(t.config.silentAt(e.sentAt)) && t.due(e.steadyFrom+t.config.steady())
	if there && t.phase == serving && !t.stop.requested {
		return e.from
	}
	return Nobody
}

// steady is how long the peer must have answered without a hole before it is named as standby. While none is named, a
// failover takes as long as the Lease lasts; and each naming is a write of the Lease, of which a link that comes and
// goes should not cause many.
func (c Config) steady() time.Duration { return 10 * c.HeartbeatInterval }

// tenureRecord is the record of this unit's own tenure.
func (t *transition) tenureRecord(standby Incarnation) Record {
	return Record{Holder: t.config.Self, Standby: standby, Term: t.lease.record.Term, Cause: t.lease.record.Cause}
}

// renew writes the Lease anew when it is time: in solo for the permit that this earns, and in paired only to be seen.
// A promotion's report goes out with the next write, which is therefore due soon.
func (t *transition) renew(settled bool) {
	after := t.config.renewAfter()
	if t.named() != Nobody {
		after = t.config.refreshAfter()
	}
	next := t.wroteAt + after
	if ended := t.promotion.report.EndedAt; t.wroteAt < ended {
		next = min(next, ended+reportAfter)
	}
	if t.due(next) && settled {
		t.write(t.tenureRecord(t.named()))
	}
}

// refreshAfter is how long after a write the next one is due in paired, where no permit depends on it: before anybody
// could take the Lease for expired, and for those who watch it.
func (c Config) refreshAfter() time.Duration { return c.LeaseDuration * 4 / 5 }
