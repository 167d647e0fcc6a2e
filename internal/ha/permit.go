package ha

import "time"

// Source is who vouches for a permit.
type Source uint8

const (
	// Witness is the API server: a write of the Lease that succeeded.
	Witness Source = iota + 1
)

// String is the source's name in logs.
func (s Source) String() string {
	if s == Witness {
		return "Witness"
	}
	return "none"
}

// Permit is the active's right to forward.
type Permit struct {
	// Deadline is an instant of the unit's own boot clock; the zero permit ended before anything began.
	Deadline time.Duration
	Source   Source
}

// valid tells whether the permit allows forwarding at the instant.
func (p Permit) valid(at time.Duration) bool { return at < p.Deadline }

// renewAt is when the next permit of the witness is due, counted from when this one was asked for.
func (p Permit) renewAt(c Config) time.Duration {
	return p.Deadline - c.LeaseDuration + c.renewAfter()
}

// extend returns the permit that lasts longer; a permit never gets shorter by a second one.
func (p Permit) extend(by Permit) Permit {
	if by.Deadline > p.Deadline {
		return by
	}
	return p
}
