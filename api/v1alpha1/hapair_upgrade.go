package v1alpha1

// UpgradeSpec is how units are replaced when a change of the spec, or another version of the operator, needs new pods:
// the standby first, and the active unit once the new standby is ready and holds its state.
type UpgradeSpec struct {
	// strategy says who moves the active role when the active unit's turn has come. With Automatic the operator does, by
	// a switchover that no connection notices. With Supervised it waits for a person, who deletes the active unit's pod
	// when it suits.
	// +optional
	// +kubebuilder:default=Automatic
	Strategy UpgradeStrategy `json:"strategy,omitempty"`

	// progressDeadlineSeconds is how long a new unit may take to become ready and to hold the active's state, before the
	// pair counts as stalled. The operator then says so and goes on to wait; the active unit stays as it is.
	// +optional
	// +kubebuilder:default=600
	// +kubebuilder:validation:Minimum=30
	// +kubebuilder:validation:Maximum=86400
	ProgressDeadlineSeconds int32 `json:"progressDeadlineSeconds,omitempty"`
}

// UpgradeStrategy is who moves the active role in an upgrade.
//
// +kubebuilder:validation:Enum=Automatic;Supervised
type UpgradeStrategy string

// The strategies of upgrades.
const (
	UpgradeAutomatic  UpgradeStrategy = "Automatic"
	UpgradeSupervised UpgradeStrategy = "Supervised"
)
