package ha

import (
	"time"

	"github.com/hapair-io/hapair/internal/contract"
)

// Config holds the settings of a unit.
type Config struct {
	// Self is this process's own incarnation.
	Self Incarnation
	// Preferred marks the unit that becomes active first in a new pair, and to which Preemption returns the role.
	Preferred bool
	// LeaseDuration is how long a permit lasts that this unit earns by a write of the Lease.
	LeaseDuration time.Duration
	// HeartbeatInterval is the time between two heartbeats of an active.
	HeartbeatInterval time.Duration
	// MissedHeartbeats is how many heartbeats in a row must be missing before their sender counts as silent.
	MissedHeartbeats int
	// Grant is how long a grant lasts that the standby gives with each acknowledgement.
	Grant time.Duration
	// Isolation is what an active does when neither its peer nor the witness answers.
	Isolation Isolation
	// Damping is how long the peer must have been the healthier unit before an active hands over to it.
	Damping time.Duration
	// Preemption returns the role to the preferred unit.
	Preemption Preemption
}

// Configure returns the part of the configuration that the settings of the pair decide.
func Configure(settings contract.Failover) Config {
	c := Config{
		LeaseDuration:     settings.LeaseDuration(),
		HeartbeatInterval: settings.HeartbeatInterval(),
		MissedHeartbeats:  int(settings.MissedHeartbeats),
		Grant:             settings.Grant(),
		Isolation:         settings.Isolation,
		Damping:           time.Duration(settings.HealthDampingSeconds) * time.Second,
	}
	if p := settings.Preemption; p != nil {
		c.Preemption = Preemption{Enabled: true, Delay: time.Duration(p.DelaySeconds) * time.Second}
	}
	return c
}

// Preemption is a switchover for the sole reason that the preferred unit is back.
type Preemption struct {
	Enabled bool
	// Delay is how long the preferred unit must have been in sync before the switchover.
	Delay time.Duration
}

// detect returns how long a unit may be silent before it counts as lost.
func (c Config) detect() time.Duration {
	return c.HeartbeatInterval * time.Duration(c.MissedHeartbeats)
}
