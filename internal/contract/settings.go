package contract

import (
	"net/netip"
	"time"
)

// Settings is what a sidecar needs to know of its pair. Both units have the same.
type Settings struct {
	// Pair and Namespace name the HAPair.
	Pair      string `json:"pair"`
	Namespace string `json:"namespace"`
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
	// Probes are the targets that both units monitor.
	Probes []Probe `json:"probes,omitempty"`
	// Networks are the interfaces that carry traffic, with the virtual addresses of each.
	Networks []Network `json:"networks"`
	// Sync is what is replicated.
	Sync Sync `json:"sync"`
}

// Network is one traffic interface of the unit.
type Network struct {
	Interface        string         `json:"interface"`
	VirtualAddresses []netip.Prefix `json:"virtualAddresses"`
	// VirtualMAC is the MAC address of the active unit's interface; empty if each unit keeps its own.
	VirtualMAC string `json:"virtualMAC,omitempty"`
}

// Preemption is the return of the role to the primary unit.
type Preemption struct {
	// DelaySeconds is how long the primary unit must have been in sync and as healthy before.
	DelaySeconds int32 `json:"delaySeconds"`
}

// Probe is one target that a unit monitors.
type Probe struct {
	Name string     `json:"name"`
	Type ProbeType  `json:"type"`
	Host netip.Addr `json:"host"`
	// Port is set for TCP and HTTP, and Path for HTTP.
	Port uint16 `json:"port,omitempty"`
	Path string `json:"path,omitempty"`
	// Interface is the traffic interface from which the probe is sent.
	Interface            string `json:"interface"`
	IntervalMilliseconds int32  `json:"intervalMilliseconds"`
	TimeoutMilliseconds  int32  `json:"timeoutMilliseconds"`
	// FailureThreshold and SuccessThreshold are how many probes in a row must fail or succeed before the result changes.
	FailureThreshold int32 `json:"failureThreshold"`
	SuccessThreshold int32 `json:"successThreshold"`
}

// Fixed returns the settings that a unit cannot change while it runs: all but the bounds of the stream.
func (s Settings) Fixed() Settings {
	s.Sync.RecordsPerSecond, s.Sync.KilobitsPerSecond = 0, 0
	return s
}

// LeaseDuration returns LeaseDurationSeconds as a duration.
func (s Settings) LeaseDuration() time.Duration {
	return time.Duration(s.LeaseDurationSeconds) * time.Second
}

// Detection returns how long a unit may be silent before it counts as lost.
func (s Settings) Detection() time.Duration {
	return time.Duration(s.HeartbeatIntervalMilliseconds) * time.Duration(s.MissedHeartbeats) * time.Millisecond
}

// Grant returns GrantMilliseconds as a duration.
func (s Settings) Grant() time.Duration {
	return time.Duration(s.GrantMilliseconds) * time.Millisecond
}
