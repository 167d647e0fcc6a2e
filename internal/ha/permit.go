package ha

import "time"

// Source is who vouches for a permit.
type Source uint8

const (
	// Witness is the API server: a write of the Lease that succeeded.
	Witness Source = iota + 1
	// Peer is the standby's promise not to become active.
	Peer
	// Isolated has nothing but the policy KeepForwarding to vouch for it.
	Isolated
)

// String is the source's name in logs.
func (s Source) String() string {
	switch s {
	case Witness:
		return "Witness"
	case Peer:
		return "Peer"
	case Isolated:
		return "Isolated"
	default:
		return "none"
	}
}

// Permit is the active's right to forward.
type Permit struct {
	// Deadline is an instant of the unit's own boot clock; the zero permit ended before anything began.
	Deadline time.Duration
	Source   Source
}

// valid tells whether the permit allows forwarding at the instant.
func (p Permit) valid(at time.Duration) bool { return at < p.Deadline }

// extend returns the permit that lasts longer.
func (p Permit) extend(by Permit) Permit {
	if by.Deadline > p.Deadline {
		return by
	}
	return p
}

// Permit is the right to forward as it stands. The peer's promise counts whatever the Lease says: it is kept by the
// only other unit that there is. The witness counts only in solo, when nobody may take the Lease without waiting for
// it to expire; and not when a write may have ended that.
func (m Machine) Permit() Permit {
	if !m.holds() {
		return Permit{}
	}
	p := Permit{Deadline: m.beats.echo.promised, Source: Peer}
	if !m.paired() {
		p = p.extend(Permit{Deadline: m.witnessed, Source: Witness})
	}
	return p.extend(Permit{Deadline: m.isolated, Source: Isolated})
}

// keepForwarding extends the permit where the policy wants it that an active goes on which nobody answers. It is not
// asked before the permit is about to end.
func (t *transition) keepForwarding() {
	if t.config.Isolation == KeepForwarding && t.due(t.Permit().Deadline-t.config.margin()) {
		t.isolated = t.at + t.config.reach()
	}
}

// margin is how long before its end a permit counts as about to end.
func (c Config) margin() time.Duration { return c.reach() / 4 }

// reach is how long a permit of the policy lasts.
func (c Config) reach() time.Duration {
	if c.Grant == 0 {
		return c.LeaseDuration / 3
	}
	return c.Grant
}
