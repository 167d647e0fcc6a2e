package v1alpha1

// Labels and annotations that the operator puts on what a pair owns.
const (
	// LabelPair is on every object that a pair owns. Its value is the name of the pair.
	LabelPair = "hapair.io/pair"
	// LabelUnit is on the pod of a unit. Its value is the name of the unit.
	LabelUnit = "hapair.io/unit"
	// LabelRole is on the pod of a unit. Its value is the role that the Lease gives the unit: active or standby.
	LabelRole = "hapair.io/role"

	// LabelScraper is on a namespace. With the value true, its pods may reach the metrics of the units.
	LabelScraper = "hapair.io/scraper"

	// LabelRoleActive and LabelRoleStandby are the values of LabelRole.
	LabelRoleActive  = "active"
	LabelRoleStandby = "standby"

	// AnnotationTemplateHash is on the pod of a unit: the hash of the template that it was created from. The pod is
	// outdated if the hash of the current template differs.
	AnnotationTemplateHash = "hapair.io/template-hash"
	// AnnotationConfigurationHash is on the pod of a unit: the hash of the firewall document that it should enforce. A
	// change of it makes the kubelet update the mounted document at once instead of in its next sync period.
	AnnotationConfigurationHash = "hapair.io/configuration-hash"
	// AnnotationSettingsHash is on the pod of a unit: the hash of the settings that its sidecar should use. A change of it
	// makes the kubelet update the mounted settings at once.
	AnnotationSettingsHash = "hapair.io/settings-hash"

	// AnnotationPaused is on the pair's Lease while spec.paused is true. Both units watch the Lease.
	AnnotationPaused = "hapair.io/paused"
	// AnnotationSwitchoverRequestedAt is on an HAPair. A user sets it to a time (RFC 3339) to request a switchover, and
	// each new value is a new request. AnnotationSwitchoverTo on the HAPair can name the unit that is to become active.
	// Without it the standby becomes active.
	AnnotationSwitchoverRequestedAt = "hapair.io/switchover-requested-at"
	// AnnotationSwitchoverTo is on the pair's Lease while a requested switchover is pending. It names the unit that is to
	// become active, "primary" or "secondary". The operator removes it when that unit holds the Lease.
	AnnotationSwitchoverTo = "hapair.io/switchover-to"
)
