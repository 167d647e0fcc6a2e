package ha

import "time"

// Source is who vouches for a permit.
type Source uint8

const (
	// Witness is the API server: a write of the Lease succeeded.
	Witness Source = iota + 1
	// Peer is the standby, by a grant.
	Peer
	// Isolated means that only the policy KeepForwarding vouches for the permit.
	Isolated
)

// String returns the source's name in logs.
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
	// Deadline is an instant of the unit's own boot clock. The zero permit ended before anything began.
	Deadline time.Duration
	Source   Source
}

// isValid reports whether the permit allows forwarding at the instant.
func (p Permit) isValid(at time.Duration) bool { return at < p.Deadline }

// extend returns the permit that lasts longer.
func (p Permit) extend(by Permit) Permit {
	if by.Deadline > p.Deadline {
		return by
	}
	return p
}

// Permit returns the right to forward as it is now. The peer's grant counts whatever the Lease holds, since the only
// other unit honours it. The witness counts only in solo, when nobody may take the Lease before it expires. It does not
// count when a write may have ended that.
func (m Machine) Permit() Permit {
	if !m.holds() {
		return Permit{}
	}
	p := Permit{Deadline: m.beats.answer.grantedUntil, Source: Peer}
	if !m.isPaired() {
		p = p.extend(Permit{Deadline: m.witnessed, Source: Witness})
	}
	return p.extend(Permit{Deadline: m.isolated, Source: Isolated})
}
