package v1alpha1

// UpgradeSpec configures how the operator replaces units when a change of the spec, or a new version of the operator,
// needs new pods. It replaces the standby first. It replaces the active unit when the new standby is ready and in sync.
type UpgradeSpec struct {
	// strategy selects who starts the switchover before the active unit is replaced. With Automatic the operator starts
	// it; connections survive it. With Supervised the operator waits until you delete the pod of the active unit.
	// +optional
	// +kubebuilder:default=Automatic
	Strategy UpgradeStrategy `json:"strategy,omitempty"`

	// pacing selects whether the pair waits for its turn. With Paced the operator replaces working units of few pairs at a
	// time, one pair by default. While a pair does not come back from its update, no other pair begins. With Immediate the
	// pair does not wait for others, and others do not wait for it.
	// +optional
	// +kubebuilder:default=Paced
	Pacing UpgradePacing `json:"pacing,omitempty"`

	// progressDeadlineSeconds is how long a new unit may take to become ready and in sync. After that the condition
	// Stalled is True. The operator continues to wait, and leaves the active unit as it is.
	// +optional
	// +kubebuilder:default=600
	// +kubebuilder:validation:Minimum=30
	// +kubebuilder:validation:Maximum=86400
	ProgressDeadlineSeconds int32 `json:"progressDeadlineSeconds,omitempty"`
}

// UpgradePacing selects whether a pair waits for its turn in an update.
//
// +kubebuilder:validation:Enum=Paced;Immediate
type UpgradePacing string

// The kinds of pacing.
const (
	// PacingPaced has the pair wait for its turn.
	PacingPaced UpgradePacing = "Paced"
	// PacingImmediate has the pair updated at once.
	PacingImmediate UpgradePacing = "Immediate"
)

// UpgradeStrategy selects who starts the switchover in an upgrade.
//
// +kubebuilder:validation:Enum=Automatic;Supervised
type UpgradeStrategy string

// The strategies of upgrades.
const (
	// UpgradeAutomatic has the operator start the switchover.
	UpgradeAutomatic UpgradeStrategy = "Automatic"
	// UpgradeSupervised has a person start the switchover.
	UpgradeSupervised UpgradeStrategy = "Supervised"
)
