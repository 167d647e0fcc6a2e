package v1alpha1

// The conditions of an HAPair and of its units, each with every reason that it can have. Those of a pair follow kstatus
// (sigs.k8s.io/cli-utils/pkg/kstatus): a pair is Current when Ready is True and neither Reconciling nor Stalled is. A
// condition that depends on facts which are missing is Unknown.

// Reasons of every condition that is Unknown.
const (
	// ReasonNotObserved means that the operator could not read the Lease and the pods, or has not read them yet.
	ReasonNotObserved = "NotObserved"
	// ReasonNotReported means that a unit has not reported what the condition depends on.
	ReasonNotReported = "NotReported"
)

// Ready: the active unit serves the traffic, with the configuration of the current generation in force.
const (
	ConditionReady = "Ready"

	// ReasonActive means that the active unit's pod is ready, its role is Active, and it enforces the configuration.
	ReasonActive = "Active"
	// ReasonNoActiveUnit means that no unit holds the Lease, or that the pod of the unit that does is not ready.
	ReasonNoActiveUnit = "NoActiveUnit"
	// ReasonNotServing means that the unit which holds the Lease reports another role than Active.
	ReasonNotServing = "NotServing"
	// ReasonConfigurationNotApplied means that the active unit serves with an earlier configuration, or with none.
	ReasonConfigurationNotApplied = "ConfigurationNotApplied"
	// ReasonReferenceNotFound means that an object that the spec names does not exist, and that the pair never ran.
	ReasonReferenceNotFound = "ReferenceNotFound"
	// ReasonConfigurationInvalid means that the configuration is refused, and that there is no earlier valid one.
	ReasonConfigurationInvalid = "ConfigurationInvalid"
)

// Redundant: the other unit stands by in a pod of its own.
const (
	ConditionRedundant = "Redundant"

	// ReasonStandbyReady means that the standby's pod is ready.
	ReasonStandbyReady = "StandbyReady"
	// ReasonStandbyMissing means that the standby has no pod, or that its pod waits for a node.
	ReasonStandbyMissing = "StandbyMissing"
	// ReasonStandbyNotReady means that the standby's pod runs and is not ready.
	ReasonStandbyNotReady = "StandbyNotReady"
)

// Synchronized: the standby holds the state of the active.
const (
	ConditionSynchronized = "Synchronized"

	// ReasonInSync means that the standby acknowledged the whole state and follows every change.
	ReasonInSync = "InSync"
	// ReasonSynchronizing means that the state is being transferred.
	ReasonSynchronizing = "Synchronizing"
	// ReasonPeerDisconnected means that the units have no session with each other.
	ReasonPeerDisconnected = "PeerDisconnected"
	// ReasonTableFull means that a table of the standby has no capacity for all of the active's state; the message has
	// which.
	ReasonTableFull = "TableFull"
	// ReasonNoStandby means that there is no standby to hold the state.
	ReasonNoStandby = "NoStandby"
)

// ConfigurationApplied: both units enforce the configuration of the spec.
const (
	ConditionConfigurationApplied = "ConfigurationApplied"

	// ReasonApplied means that both units report the hash of the configuration.
	ReasonApplied = "Applied"
	// ReasonSelfConfigured means that both units enforce the configuration that their own image brings, since the pair
	// refers to none.
	ReasonSelfConfigured = "SelfConfigured"
	// ReasonApplying means that a unit has not reported the hash yet.
	ReasonApplying = "Applying"
	// ReasonInvalid means that the configuration is refused; the message has the path of the field. The last valid one
	// stays in force.
	ReasonInvalid = "Invalid"
	// ReasonConfigurationNotFound means that the configuration does not exist. The last valid one stays in force.
	ReasonConfigurationNotFound = "ConfigurationNotFound"
	// ReasonRefusedByUnit means that a unit's firewall could not apply a configuration that the operator accepted.
	ReasonRefusedByUnit = "RefusedByUnit"
)

// Reconciling: the spec is not in force yet, and the operator works on that. True is the abnormal state. It is never
// True together with Stalled.
const (
	ConditionReconciling = "Reconciling"

	// ReasonSettled means that nothing is left to do.
	ReasonSettled = "Settled"
	// ReasonCreating means that units are being created.
	ReasonCreating = "Creating"
	// ReasonUpdating means that a unit is being replaced for a change of the spec.
	ReasonUpdating = "Updating"
	// ReasonSwitchoverAwaited means that the active unit is the last that is outdated, and that a person moves the role,
	// since spec.upgrade.strategy is Supervised. The message has the command.
	ReasonSwitchoverAwaited = "SwitchoverAwaited"
	// ReasonSwitchoverPending means that a requested switchover waits for the unit that is to become active.
	ReasonSwitchoverPending = "SwitchoverPending"
	// ReasonPaused means that spec.paused keeps units from being replaced, and from handing over for health or
	// preference. Reconciling is True while an outdated unit waits for the end of the pause, and False otherwise.
	ReasonPaused = "Paused"
	// ReasonCertificatesPending means that cert-manager has not issued or renewed the units' certificates. The message
	// quotes cert-manager. Running units keep the certificates that they have.
	ReasonCertificatesPending = "CertificatesPending"
	// ReasonStalled means that the operator does not continue; condition Stalled has the cause.
	ReasonStalled = "Stalled"
)

// Stalled: only a person can remove what stops the operator. True is the abnormal state.
const (
	ConditionStalled = "Stalled"

	// ReasonNotStalled means that nothing stops the operator.
	ReasonNotStalled = "NotStalled"
	// ReasonBlocked means that something is missing or refused; the message has what.
	ReasonBlocked = "Blocked"
	// ReasonProgressDeadlineExceeded means that a new unit did not become ready, or in sync, within
	// spec.upgrade.progressDeadlineSeconds. The other unit is left as it is.
	ReasonProgressDeadlineExceeded = "ProgressDeadlineExceeded"
)

// Degraded: the pair serves, or could serve, with less than the spec promises. True is the abnormal state.
const (
	ConditionDegraded = "Degraded"

	// ReasonHealthy means that nothing is missing.
	ReasonHealthy = "Healthy"
	// ReasonRedundancyLost means that a failure now would interrupt the traffic.
	ReasonRedundancyLost = "RedundancyLost"
	// ReasonNotSynchronized means that a failover now would lose connections.
	ReasonNotSynchronized = "NotSynchronized"
)

// AddressConflict: another station claims a virtual address on the segment. True is the abnormal state.
const (
	ConditionAddressConflict = "AddressConflict"

	// ReasonDuplicateAddress means that the active unit heard another station claim a virtual address. The message has
	// the address, the network and the MAC address of the station.
	ReasonDuplicateAddress = "DuplicateAddress"
	// ReasonNoConflict means that no other station was heard to claim one.
	ReasonNoConflict = "NoConflict"
)

// Accepted (SyncPolicy, FirewallConfiguration): the object has no errors and can be carried out. Its other reason is
// ReasonInvalid.
const (
	ConditionAccepted = "Accepted"

	// ReasonValid means that the object has no errors.
	ReasonValid = "Valid"
)

// FenceArmed (HAUnit): the kernel closes the unit's gate by itself when the unit's right to forward ends. The other
// conditions of an HAUnit have the types and reasons of an HAPair's.
const (
	ConditionFenceArmed = "FenceArmed"

	// ReasonBPF means that a BPF program in the kernel's traffic control compares the clock with the deadline.
	ReasonBPF = "BPF"
	// ReasonNFTables means that elements of an nftables set time out. It is weaker, since its deadline is relative.
	ReasonNFTables = "NFTables"
	// ReasonUnavailable means that the kernel refused both.
	ReasonUnavailable = "Unavailable"
)
