package v1alpha1

// Conditions of an HAPair, each with every reason it can have. They follow the kstatus convention: Ready=True is what a
// person or a pipeline waits for.

// Ready: an active unit serves the traffic with the wanted configuration.
const (
	ConditionReady = "Ready"

	// ReasonActive: a unit is active and its pod is ready.
	ReasonActive = "Active"
	// ReasonNoActiveUnit: no unit holds the Lease, or the one that does has no ready pod.
	ReasonNoActiveUnit = "NoActiveUnit"
	// ReasonReferenceNotFound: an object that the spec names does not exist: SyncPolicy, ConfigMap or attachment.
	ReasonReferenceNotFound = "ReferenceNotFound"
	// ReasonConfigurationInvalid: the firewall's document is refused, and there is no earlier good one.
	ReasonConfigurationInvalid = "ConfigurationInvalid"
)

// Redundant: a second unit stands by on its own pod.
const (
	ConditionRedundant = "Redundant"

	// ReasonStandbyReady: the standby's pod is ready.
	ReasonStandbyReady = "StandbyReady"
	// ReasonStandbyMissing: the standby has no pod, or it waits for a node.
	ReasonStandbyMissing = "StandbyMissing"
	// ReasonStandbyNotReady: the standby's pod runs and is not ready.
	ReasonStandbyNotReady = "StandbyNotReady"
)

// Synchronized: the standby holds the state of the active.
const (
	ConditionSynchronized = "Synchronized"

	// ReasonInSync: the standby acknowledged the whole state and follows every change.
	ReasonInSync = "InSync"
	// ReasonSynchronizing: the state is being transferred.
	ReasonSynchronizing = "Synchronizing"
	// ReasonPeerDisconnected: the units have no connection to each other.
	ReasonPeerDisconnected = "PeerDisconnected"
	// ReasonTableFull: a table of the standby has no room for all of the active's state; the message has which.
	ReasonTableFull = "TableFull"
	// ReasonNoStandby: there is no standby to hold the state.
	ReasonNoStandby = "NoStandby"
)

// ConfigurationApplied: both units enforce the document of the spec.
const (
	ConditionConfigurationApplied = "ConfigurationApplied"

	// ReasonApplied: both units report the hash of the document.
	ReasonApplied = "Applied"
	// ReasonApplying: a unit has not reported the hash yet.
	ReasonApplying = "Applying"
	// ReasonInvalid: the document is refused; the message has the path of the field. The last good one is in force.
	ReasonInvalid = "Invalid"
	// ReasonConfigurationNotFound: the ConfigMap or its key does not exist. The last good document is in force.
	ReasonConfigurationNotFound = "ConfigurationNotFound"
	// ReasonRefusedByUnit: a unit's firewall could not apply a document that the operator accepted.
	ReasonRefusedByUnit = "RefusedByUnit"
)

// Progressing: the pair is on its way to the spec.
const (
	ConditionProgressing = "Progressing"

	// ReasonSettled: nothing is left to do.
	ReasonSettled = "Settled"
	// ReasonCreating: units are being made.
	ReasonCreating = "Creating"
	// ReasonUpdating: a unit is being replaced to take a change of the spec.
	ReasonUpdating = "Updating"
	// ReasonSwitchoverAwaited: the active unit is the last that is outdated, and a person has to move the role, since
	// spec.upgrade.strategy is Supervised; the message says how.
	ReasonSwitchoverAwaited = "SwitchoverAwaited"
	// ReasonStalled: a new unit did not become ready, or does not hold the state, within
	// spec.upgrade.progressDeadlineSeconds. The other unit is left as it is.
	ReasonStalled = "Stalled"
	// ReasonPaused: spec.paused keeps units from being replaced, and from handing over for health or preference.
	ReasonPaused = "Paused"
	// ReasonCertificatesPending: cert-manager has not issued the units' certificates, or not anew; the message says what
	// it says about it. Units that run go on with those that they have.
	ReasonCertificatesPending = "CertificatesPending"
	// ReasonBlocked: the operator waits for something that it cannot mend by itself; the message says what.
	ReasonBlocked = "Blocked"
)

// Degraded: the pair serves, or could serve, with less than the spec promises.
const (
	ConditionDegraded = "Degraded"

	// ReasonHealthy: nothing is missing.
	ReasonHealthy = "Healthy"
	// ReasonRedundancyLost: a failure now would interrupt the traffic.
	ReasonRedundancyLost = "RedundancyLost"
	// ReasonNotSynchronized: a failover now would lose connections.
	ReasonNotSynchronized = "NotSynchronized"
)

// AddressConflict: another station claims a virtual address on the segment. Like Degraded it is True when something is
// wrong; the reasons are those of the pod's condition.
const (
	ConditionAddressConflict = "AddressConflict"

	// ReasonDuplicateAddress: the active unit heard another station claim a virtual address; the message has which, on
	// which network, and the other's MAC address.
	ReasonDuplicateAddress = "DuplicateAddress"
	// ReasonNoConflict: nobody else was heard to claim one.
	ReasonNoConflict = "NoConflict"
)

// Accepted (SyncPolicy, FirewallConfiguration): the object has no errors and can be carried out. Its other reason is
// ReasonInvalid.
const (
	ConditionAccepted = "Accepted"

	// ReasonValid: the object has no errors.
	ReasonValid = "Valid"
)

// Conditions that each sidecar writes on its own Pod, from which the operator makes those of the pair.
const (
	// PodConditionRole is True while the unit is active; the reason is the Role.
	PodConditionRole = "hapair.io/Active"
	// PodConditionSynchronized tells whether this unit, as standby, holds the active's state, or, as active, sees its
	// standby hold it; the reasons are those of Synchronized.
	PodConditionSynchronized = "hapair.io/Synchronized"
	// PodConditionConfigurationApplied tells whether the firewall enforces its document; the message is the document's
	// hash when True and the refusal when False.
	PodConditionConfigurationApplied = "hapair.io/ConfigurationApplied"

	// PodConditionFenced is True while the kernel closes the gate by itself at the permit's deadline; the reason is
	// what does: ReasonBPF, or the weaker ReasonNFTables.
	PodConditionFenced = "hapair.io/Fenced"
	// PodConditionHealthy is False while a monitor of the unit reports a fault, which the message names.
	PodConditionHealthy = "hapair.io/Healthy"
	// PodConditionAddressConflict is True while another station on a segment claims a virtual address of the pair; the
	// message says which, where, and by which MAC address. The reasons are those of AddressConflict.
	PodConditionAddressConflict = "hapair.io/AddressConflict"

	// ReasonBPF is of PodConditionFenced: a program in the kernel's traffic control.
	ReasonBPF = "BPF"
	// ReasonNFTables is of PodConditionFenced: elements of an nftables set with a time-out.
	ReasonNFTables = "NFTables"
	// ReasonUnavailable is of PodConditionFenced: the kernel refused both.
	ReasonUnavailable = "Unavailable"
	// ReasonMonitorsGood and ReasonMonitorFailed are of PodConditionHealthy.
	ReasonMonitorsGood  = "MonitorsGood"
	ReasonMonitorFailed = "MonitorFailed"
)
