package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// HAPairStatus is what the operator last observed. Later releases may add values, so clients must accept unknown ones.
type HAPairStatus struct {
	// observedGeneration is the generation of the spec that this status describes; -1 before the operator has seen the
	// pair.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// active is the unit that the Lease names as active, primary or secondary; empty if no unit holds the Lease.
	// +optional
	Active Unit `json:"active,omitempty"`

	// standby is the unit that would take over, primary or secondary; empty if none could.
	// +optional
	Standby Unit `json:"standby,omitempty"`

	// term is the number of the current active unit's term. Every change of the active unit increases it by one.
	// +optional
	Term int64 `json:"term,omitempty"`

	// units summarizes both units. Each HAUnit has the details.
	// +optional
	// +listType=map
	// +listMapKey=name
	Units []UnitStatus `json:"units,omitempty"`

	// history lists the last 16 changes of the active unit, newest first. It includes planned switchovers.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	History []FailoverRecord `json:"history,omitempty"`

	// lastHandledSwitchoverRequest is the value of the annotation hapair.io/switchover-requested-at that the operator
	// handled last. A request is handled when the requested unit is active, or when the request cannot be carried out.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	LastHandledSwitchoverRequest string `json:"lastHandledSwitchoverRequest,omitempty"`

	// upgrade records the turn of the pair in an update of several pairs.
	// +optional
	Upgrade *UpgradeStatus `json:"upgrade,omitempty"`

	// conditions of the pair: Ready, Redundant, Synchronized, ConfigurationApplied, Reconciling, Stalled, Degraded,
	// AddressConflict.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// MaxHistory is the largest number of entries in the history of a pair.
const MaxHistory = 16

// UpgradeStatus records the turn of a pair in an update of several pairs.
type UpgradeStatus struct {
	// waitingSince is when the pair began to wait for its turn. It is not set while the pair does not wait.
	// +optional
	WaitingSince *metav1.Time `json:"waitingSince,omitempty"`

	// startedAt is when the turn began. It is not set once both units are up to date and in sync again.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`

	// finishedAt is when the last turn ended.
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
}

// UnitStatus summarizes one unit of the pair.
type UnitStatus struct {
	// name of the unit: primary or secondary.
	// +required
	Name Unit `json:"name"`

	// role that the unit reports: Active, Standby, Fenced (was active and lost the right to forward) or Starting; empty
	// if it reports none.
	// +optional
	Role Role `json:"role,omitempty"`

	// pod is the name of the unit's pod; empty if the unit has no pod.
	// +optional
	Pod string `json:"pod,omitempty"`

	// node on which the pod runs.
	// +optional
	Node string `json:"node,omitempty"`

	// synchronized is true while the unit reports that the standby holds the state of the active.
	// +optional
	Synchronized bool `json:"synchronized,omitempty"`

	// configurationHash is the SHA-256 of the firewall document in force on the unit, in hexadecimal.
	// +optional
	ConfigurationHash string `json:"configurationHash,omitempty"`

	// fence is what closes the unit's gate in the kernel when its right to forward ends: BPF, NFTables (weaker, since its
	// deadline is relative), or Unavailable if the kernel refuses both. Empty if the unit does not report it.
	// +optional
	Fence Fence `json:"fence,omitempty"`

	// healthy is true while the unit's health checks pass; absent if that is not known.
	// +optional
	Healthy *bool `json:"healthy,omitempty"`

	// fault describes the health checks that fail; empty while the unit is healthy.
	// +optional
	Fault string `json:"fault,omitempty"`
}

// Fence is what closes a unit's gate in the kernel.
type Fence string

// The kinds of fences.
const (
	FenceBPF         Fence = "BPF"
	FenceNFTables    Fence = "NFTables"
	FenceUnavailable Fence = "Unavailable"
)

// Role is what a unit does now.
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
