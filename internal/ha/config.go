package ha

import "time"

// Config is what a unit knows of itself before anything happens.
type Config struct {
	// Self is this process's own incarnation.
	Self Incarnation
	// Preferred is the unit that becomes active at once where nobody ever was, and that Preemption returns to.
	Preferred bool
	// LeaseDuration is how long the permits last that this unit takes from the witness.
	LeaseDuration time.Duration
	// HeartbeatInterval is how often an active sends a sign of life.
	HeartbeatInterval time.Duration
	// MissedHeartbeats is how many of them in a row must be missing before their sender counts as silent.
	MissedHeartbeats int
	// Grant is how long the promise lasts that the standby makes with each acknowledgement.
	Grant time.Duration
	// Isolation is what an active does that neither its peer nor the witness answers.
	Isolation Isolation
	// Damping is how long the peer's health must have been the better one before an active hands over for it.
	Damping time.Duration
	// Preemption hands the role back to the preferred unit.
	Preemption Preemption
}

// Isolation is a policy for an active that lost its peer and the witness.
type Isolation uint8

const (
	// Fence lets the permit run out: never are two units active, and sometimes none is.
	Fence Isolation = iota
	// KeepForwarding goes on, since the peer may be as isolated: always one unit is active, and sometimes both are.
	KeepForwarding
)

// Preemption is a switchover for no other reason than that the preferred unit is there again.
type Preemption struct {
	Enabled bool
	// Delay is how long the preferred unit must have been in sync and as healthy before.
	Delay time.Duration
}

// detect is how long a unit may be silent before it counts as lost.
func (c Config) detect() time.Duration {
	return c.HeartbeatInterval * time.Duration(c.MissedHeartbeats)
}
