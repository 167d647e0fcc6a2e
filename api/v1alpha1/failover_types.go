package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// FailoverRecord describes one change of the active unit, planned or not. The unit that became active measures it;
// HAUnit and HAPair both report it.
type FailoverRecord struct {
	// from is the unit that was active before; empty if no unit was active, or if it is unknown.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	From string `json:"from,omitempty"`

	// to is the unit that became active.
	// +required
	// +kubebuilder:validation:MaxLength=63
	To string `json:"to"`

	// term that began with the change.
	// +required
	Term int64 `json:"term"`

	// cause of the change. Silence (of the active unit's heartbeats) and Expiry (of its Lease) are failovers. Stop (of
	// its pod), Health (the standby was healthier), Preemption (by the primary) and Request (by a person) are
	// switchovers. First means that no unit was active before, and Unknown that the cause was not recorded. Later releases
	// may add causes.
	// +required
	// +kubebuilder:validation:MaxLength=63
	Cause string `json:"cause"`

	// time at which the unit had verified that it forwards, by its own clock.
	// +required
	Time metav1.MicroTime `json:"time"`

	// steps of the promotion, in order.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Steps []FailoverStep `json:"steps,omitempty"`

	// connectionsHeld is the number of connections in the kernel of the unit when it became active; absent if the unit
	// could not count them.
	// +optional
	ConnectionsHeld *int64 `json:"connectionsHeld,omitempty"`
}

// FailoverStep is one step of a promotion.
type FailoverStep struct {
	// name of the step: Detected, Claimed, FenceConfirmed, StateCommitted, GateOpen, AddressesAttached, Announced or
	// Verified. Later releases may add steps.
	// +required
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// microseconds that the step took, from the end of the step before it.
	// +required
	Microseconds int64 `json:"microseconds"`
}
