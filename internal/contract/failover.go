package contract

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"
)

// Failover is how the units decide about a failover. A field that spec.failover of the API has as well has the same
// JSON name there, and the operator copies it by that name.
type Failover struct {
	// LeaseDurationSeconds is how long a permit of the Lease lasts.
	LeaseDurationSeconds int32 `json:"leaseDurationSeconds"`
	// HeartbeatIntervalMilliseconds is how often the active unit sends a heartbeat. MissedHeartbeats is how many in a row
	// must be missing before the peer counts as lost. GrantMilliseconds is how long the standby promises not to become
	// active.
	HeartbeatIntervalMilliseconds int32 `json:"heartbeatIntervalMilliseconds"`
	MissedHeartbeats              int32 `json:"missedHeartbeats"`
	GrantMilliseconds             int32 `json:"grantMilliseconds"`
	// Isolation is what an active unit does when neither its peer nor the API server answers.
	Isolation Isolation `json:"isolation"`
	// Preemption returns the role to the primary unit; nil if the role stays where it is.
	Preemption *Preemption `json:"preemption,omitempty"`
	// HealthDampingSeconds is how long the peer must have been healthier before a switchover for it.
	HealthDampingSeconds int32 `json:"healthDampingSeconds"`
}

// Preemption is the return of the role to the primary unit.
type Preemption struct {
	// DelaySeconds is how long the primary unit must have been in sync and as healthy before.
	DelaySeconds int32 `json:"delaySeconds"`
}

// Isolation is what an active unit does when neither its peer nor the API server answers.
type Isolation string

// The isolation policies.
const (
	// IsolationFence stops the unit when its permit ends: two units are never active, and sometimes no unit is.
	IsolationFence Isolation = "Fence"
	// IsolationKeepForwarding lets the unit continue: one unit is always active, and sometimes both are.
	IsolationKeepForwarding Isolation = "KeepForwarding"
)

// Isolations returns all isolation policies.
func Isolations() []Isolation { return []Isolation{IsolationFence, IsolationKeepForwarding} }

// Defaults and bounds of Failover.
const (
	DefaultLeaseDurationSeconds = 15
	MinLeaseDurationSeconds     = 2
	MaxLeaseDurationSeconds     = 60

	DefaultHeartbeatIntervalMilliseconds = 100
	MinHeartbeatIntervalMilliseconds     = 10
	MaxHeartbeatIntervalMilliseconds     = 1000

	DefaultMissedHeartbeats = 3
	MinMissedHeartbeats     = 2
	MaxMissedHeartbeats     = 10

	DefaultIsolation = IsolationFence

	DefaultHealthDampingSeconds = 3
	MinHealthDampingSeconds     = 1
	MaxHealthDampingSeconds     = 300

	DefaultPreemptionDelaySeconds = 300
	MinPreemptionDelaySeconds     = 0
	MaxPreemptionDelaySeconds     = 86_400
)

// Bounds of a grant that is set. Each pair has narrower ones, which follow from its detection and its lease duration.
const (
	MinGrantMilliseconds = MinHeartbeatIntervalMilliseconds*MinMissedHeartbeats + graceMilliseconds
	MaxGrantMilliseconds = MaxLeaseDurationSeconds * 1000 / grantsPerLease
)

const (
	// graceMilliseconds is what a grant must have beyond the detection. A shorter grant would end before its holder could
	// notice that it is not renewed.
	graceMilliseconds = 20
	// minMarginMilliseconds is what a derived grant has beyond the detection. A healthy API server answers a write of the
	// Lease within that time.
	minMarginMilliseconds = 60
	// grantsPerLease bounds the grant: it must be at most the lease duration divided by this.
	grantsPerLease = 2
)

// DerivedGrantMilliseconds returns the grant of a pair that sets none: the detection and half of it again, and at least
// minMarginMilliseconds more than the detection.
func DerivedGrantMilliseconds(heartbeatIntervalMilliseconds, missedHeartbeats int32) int32 {
	detection := heartbeatIntervalMilliseconds * missedHeartbeats
	return detection + max(detection/2, minMarginMilliseconds)
}

// missing marks a grant that nobody has set. It is not a valid grant.
const missing = math.MinInt32

// DefaultFailover returns the defaults. The grant follows from other fields, so Derived must be called in the end.
func DefaultFailover() Failover {
	return Failover{
		LeaseDurationSeconds:          DefaultLeaseDurationSeconds,
		HeartbeatIntervalMilliseconds: DefaultHeartbeatIntervalMilliseconds,
		MissedHeartbeats:              DefaultMissedHeartbeats,
		GrantMilliseconds:             missing,
		Isolation:                     DefaultIsolation,
		HealthDampingSeconds:          DefaultHealthDampingSeconds,
	}
}

// Derived returns the settings with the grant that follows from the other fields, unless one is set.
func (f Failover) Derived() Failover {
	if f.GrantMilliseconds == missing {
		f.GrantMilliseconds = DerivedGrantMilliseconds(f.HeartbeatIntervalMilliseconds, f.MissedHeartbeats)
	}
	return f
}

// UnmarshalJSON reads a delay, or takes the default if the document lacks it.
func (p *Preemption) UnmarshalJSON(text []byte) error {
	type plain Preemption
	decoded := plain{DelaySeconds: DefaultPreemptionDelaySeconds}
	err := json.Unmarshal(text, &decoded)
	*p = Preemption(decoded)
	return err
}

// HeartbeatInterval returns HeartbeatIntervalMilliseconds as a duration.
func (f Failover) HeartbeatInterval() time.Duration {
	return time.Duration(f.HeartbeatIntervalMilliseconds) * time.Millisecond
}

// LeaseDuration returns LeaseDurationSeconds as a duration.
func (f Failover) LeaseDuration() time.Duration {
	return time.Duration(f.LeaseDurationSeconds) * time.Second
}

// Detection returns how long a unit may be silent before it counts as lost.
func (f Failover) Detection() time.Duration {
	return f.HeartbeatInterval() * time.Duration(f.MissedHeartbeats)
}

// Grant returns GrantMilliseconds as a duration.
func (f Failover) Grant() time.Duration {
	return time.Duration(f.GrantMilliseconds) * time.Millisecond
}

func (f Failover) validateFailover() []error {
	errs := collect(
		within("leaseDurationSeconds", f.LeaseDurationSeconds, MinLeaseDurationSeconds, MaxLeaseDurationSeconds),
		within("heartbeatIntervalMilliseconds", f.HeartbeatIntervalMilliseconds,
			MinHeartbeatIntervalMilliseconds, MaxHeartbeatIntervalMilliseconds),
		within("missedHeartbeats", f.MissedHeartbeats, MinMissedHeartbeats, MaxMissedHeartbeats),
		within("healthDampingSeconds", f.HealthDampingSeconds, MinHealthDampingSeconds, MaxHealthDampingSeconds),
	)
	if f.Preemption != nil {
		errs = append(errs, collect(within("preemption.delaySeconds", f.Preemption.DelaySeconds,
			MinPreemptionDelaySeconds, MaxPreemptionDelaySeconds))...)
	}
	if !slices.Contains(Isolations(), f.Isolation) {
		errs = append(errs, fmt.Errorf("isolation: %q is unknown; it must be %s", string(f.Isolation), oneOf(Isolations())))
	}
	if shortest := f.Detection() + graceMilliseconds*time.Millisecond; f.Grant() < shortest {
		errs = append(errs, fmt.Errorf("grantMilliseconds: %d is too short to notice a loss in; it must be at least %d, "+
			"which is heartbeatIntervalMilliseconds × missedHeartbeats + %d",
			f.GrantMilliseconds, shortest.Milliseconds(), graceMilliseconds))
	}
	if longest := f.LeaseDuration() / grantsPerLease; f.Grant() > longest {
		errs = append(errs, fmt.Errorf("grantMilliseconds: %d is too long for leaseDurationSeconds %d; lower it to %d, "+
			"which is half of it, or less, or raise leaseDurationSeconds",
			f.GrantMilliseconds, f.LeaseDurationSeconds, longest.Milliseconds()))
	}
	return errs
}
