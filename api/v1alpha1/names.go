package v1alpha1

// Labels and annotations that the operator puts on what a pair owns.
const (
	// LabelPair has the pair's name on every object that the pair owns.
	LabelPair = "hapair.io/pair"
	// LabelUnit has the unit's name on its pod.
	LabelUnit = "hapair.io/unit"
	// LabelRole is active or standby on a unit's pod, as the Lease has it.
	LabelRole = "hapair.io/role"

	// LabelScraper is true on a namespace whose pods may reach the units' metrics.
	LabelScraper = "hapair.io/scraper"

	// LabelRoleActive and LabelRoleStandby are the values of LabelRole.
	LabelRoleActive  = "active"
	LabelRoleStandby = "standby"

	// AnnotationTemplateHash is the hash of the pod as the operator would make it now; a pod with another is outdated.
	AnnotationTemplateHash = "hapair.io/template-hash"
	// AnnotationConfigurationHash is the hash of the firewall document that the unit should enforce. Changing it also
	// makes the kubelet look at the mounted document at once instead of at its next round.
	AnnotationConfigurationHash = "hapair.io/configuration-hash"
	// AnnotationSettingsHash is the hash of the settings that the unit's sidecar should have read. Changing it makes the
	// kubelet look at the settings at once, too.
	AnnotationSettingsHash = "hapair.io/settings-hash"

	// AnnotationPaused is on the pair's Lease while spec.paused is set, so that both units learn of it at once.
	AnnotationPaused = "hapair.io/paused"
	// AnnotationSwitchoverRequestedAt is set by a user on an HAPair to request a switchover: a time as in RFC 3339. Each new
	// value is one request. AnnotationSwitchoverTo next to it names the unit that is to become active; the standby without.
	AnnotationSwitchoverRequestedAt = "hapair.io/switchover-requested-at"
	// AnnotationSwitchoverTo is on the pair's Lease while a requested switchover is pending. It names the unit that is to
	// become active, "primary" or "secondary". The operator removes it when that unit holds the Lease.
	AnnotationSwitchoverTo = "hapair.io/switchover-to"
)
