package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// HAPairStatus is what the pair was last seen to be.
type HAPairStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// active is the unit that the Lease names as active; empty when none holds it.
	// +optional
	Active Unit `json:"active,omitempty"`

	// standby is the unit that would take over; empty when there is none.
	// +optional
	Standby Unit `json:"standby,omitempty"`

	// term is the fencing token: it grows by one with every change of the active unit.
	// +optional
	Term int64 `json:"term,omitempty"`

	// units are the members of the pair, one by one.
	// +optional
	// +listType=map
	// +listMapKey=name
	Units []UnitStatus `json:"units,omitempty"`

	// lastFailover is the last change of the active unit, unplanned or planned, with the time that each step took.
	// +optional
	LastFailover *FailoverStatus `json:"lastFailover,omitempty"`

	// conditions of the pair: Ready, Redundant, Synchronized, ConfigurationApplied, Reconciling, Stalled, Degraded,
	// AddressConflict.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// UnitStatus is one member of the pair.
type UnitStatus struct {
	// name of the unit.
	// +required
	Name Unit `json:"name"`

	// role that the unit says it has.
	// +optional
	Role Role `json:"role,omitempty"`

	// pod of the unit; empty while there is none.
	// +optional
	Pod string `json:"pod,omitempty"`

	// node on which the pod runs.
	// +optional
	Node string `json:"node,omitempty"`

	// synchronized tells whether the unit holds the state of the active.
	// +optional
	Synchronized bool `json:"synchronized,omitempty"`

	// configurationHash is the SHA-256 of the firewall document in force on the unit, in hexadecimal.
	// +optional
	ConfigurationHash string `json:"configurationHash,omitempty"`

	// fence is what closes the unit's gate in the kernel when its right to forward ends: BPF, or NFTables, which is the
	// weaker one since a deadline in it is relative, or Unavailable if the kernel refused both. Empty while the unit does
	// not say.
	// +optional
	Fence Fence `json:"fence,omitempty"`

	// healthy tells whether the unit's monitors report no fault; absent while nothing is known.
	// +optional
	Healthy *bool `json:"healthy,omitempty"`

	// fault is what the unit's monitors report; empty while it is healthy.
	// +optional
	Fault string `json:"fault,omitempty"`
}

// Fence is what closes a unit's gate in the kernel.
//
// +kubebuilder:validation:Enum=BPF;NFTables;Unavailable
type Fence string

// The kinds of fences; they are the reasons of the pod's condition.
const (
	FenceBPF         Fence = ReasonBPF
	FenceNFTables    Fence = ReasonNFTables
	FenceUnavailable Fence = ReasonUnavailable
)

// Role is what a unit does now.
//
// +kubebuilder:validation:Enum=Active;Standby;Fenced;Starting
type Role string

// The roles of a unit.
const (
	// RoleActive carries the traffic on the virtual addresses.
	RoleActive Role = "Active"
	// RoleStandby holds the active unit's state and waits.
	RoleStandby Role = "Standby"
	// RoleFenced was active and lost the right to forward.
	RoleFenced Role = "Fenced"
	// RoleStarting has not taken a role yet.
	RoleStarting Role = "Starting"
)

// FailoverCause is why the active unit changed.
//
// +kubebuilder:validation:Enum=First;Silence;Expiry;Stop;Health;Preemption;Unknown
type FailoverCause string

// The causes of a change of the active unit.
const (
	// FailoverFirst is that there was no active unit before, or that it had left.
	FailoverFirst FailoverCause = "First"
	// FailoverSilence is that the active unit's signs of life were missing.
	FailoverSilence FailoverCause = "Silence"
	// FailoverExpiry is that the active unit did not renew the Lease.
	FailoverExpiry FailoverCause = "Expiry"
	// FailoverStop is that the active unit was asked to stop: its pod was deleted, its node drained.
	FailoverStop FailoverCause = "Stop"
	// FailoverHealth is that the standby was the healthier one.
	FailoverHealth FailoverCause = "Health"
	// FailoverPreemption is that the primary unit was there again.
	FailoverPreemption FailoverCause = "Preemption"
	// FailoverUnknown is that the Lease does not say, as a unit of another release leaves it.
	FailoverUnknown FailoverCause = "Unknown"
)

// Planned tells whether the former active unit gave the role away by itself, or there was none.
func (c FailoverCause) Planned() bool { return c != FailoverSilence && c != FailoverExpiry }

// FailoverStatus is the last change of the active unit, as the unit that became it measured it. The times of the steps
// are in microseconds, each from the end of the step before.
type FailoverStatus struct {
	// unit that became active.
	// +required
	Unit Unit `json:"unit"`

	// cause of the change. Silence (of the active unit's heartbeats) and Expiry (of its Lease) are failovers; Stop (of its
	// pod), Health (of the standby, which was better) and Preemption (by the primary) are switchovers; First is that there
	// was none to take over from, Unknown that the Lease did not say.
	// +required
	Cause FailoverCause `json:"cause"`

	// term that began with the change.
	// +required
	Term int64 `json:"term"`

	// time at which the unit had verified that it serves, by its own clock.
	// +required
	Time metav1.MicroTime `json:"time"`

	// detectedMicroseconds is from the last sign of life of the former active unit to the decision to take over; 0 for a
	// planned change.
	// +optional
	DetectedMicroseconds int64 `json:"detectedMicroseconds"`

	// claimedMicroseconds is from the decision until the Lease named the unit.
	// +optional
	ClaimedMicroseconds int64 `json:"claimedMicroseconds"`

	// fencedMicroseconds is until it was certain that the former active unit forwards no more.
	// +optional
	FencedMicroseconds int64 `json:"fencedMicroseconds"`

	// committedMicroseconds is until the replicated state was in force.
	// +optional
	CommittedMicroseconds int64 `json:"committedMicroseconds"`

	// openedMicroseconds is until the gate was open.
	// +optional
	OpenedMicroseconds int64 `json:"openedMicroseconds"`

	// attachedMicroseconds is until the virtual addresses were on the interfaces.
	// +optional
	AttachedMicroseconds int64 `json:"attachedMicroseconds"`

	// announcedMicroseconds is until the first announcement of each virtual address was sent.
	// +optional
	AnnouncedMicroseconds int64 `json:"announcedMicroseconds"`

	// verifiedMicroseconds is until all of it was read back.
	// +optional
	VerifiedMicroseconds int64 `json:"verifiedMicroseconds"`

	// totalMicroseconds is from the last sign of life, or from the decision for a planned change, to the end.
	// +optional
	TotalMicroseconds int64 `json:"totalMicroseconds"`

	// sessionsHeld is how many connections the unit's kernel held when it became active; absent if it could not count
	// them.
	// +optional
	SessionsHeld *int64 `json:"sessionsHeld,omitempty"`
}
