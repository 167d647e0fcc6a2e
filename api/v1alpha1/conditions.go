package v1alpha1

// This file lists the conditions of all kinds with their reasons. Those of an HAPair follow kstatus
// (sigs.k8s.io/cli-utils/pkg/kstatus): a pair is Current when Ready is True and both Reconciling and Stalled are False.
// A condition is Unknown while the facts that it depends on are missing.

// Reasons of every condition that is Unknown.
const (
	// ReasonNotObserved means that the operator could not read the Lease and the pods, or has not read them yet.
	ReasonNotObserved = "NotObserved"
	// ReasonNotReported means that a unit has not reported what the condition depends on.
	ReasonNotReported = "NotReported"
)

// Ready is True while the active unit carries the traffic with the current configuration.
const (
	ConditionReady = "Ready"

	// ReasonActive means that the active unit's pod is ready, its role is Active, and it enforces the configuration.
	ReasonActive = "Active"
	// ReasonNoActiveUnit means that no unit holds the Lease, or that the pod of the unit that does is not ready.
	ReasonNoActiveUnit = "NoActiveUnit"
	// ReasonNotServing means that the unit which holds the Lease reports another role than Active.
	ReasonNotServing = "NotServing"
	// ReasonConfigurationNotApplied means that the active unit has an earlier configuration in force, or has no
	// configuration.
	ReasonConfigurationNotApplied = "ConfigurationNotApplied"
	// ReasonReferenceNotFound means that the pair never ran, because an object that the spec names does not exist.
	ReasonReferenceNotFound = "ReferenceNotFound"
	// ReasonConfigurationInvalid means that the configuration is invalid, and that no earlier valid one exists.
	ReasonConfigurationInvalid = "ConfigurationInvalid"
)

// Redundant is True while the pod of the standby is ready.
const (
	ConditionRedundant = "Redundant"

	// ReasonStandbyReady means that the standby's pod is ready.
	ReasonStandbyReady = "StandbyReady"
	// ReasonStandbyMissing means that the standby has no pod, or that its pod waits for a node.
	ReasonStandbyMissing = "StandbyMissing"
	// ReasonStandbyNotReady means that the standby's pod runs but is not ready.
	ReasonStandbyNotReady = "StandbyNotReady"
)

// Synchronized is True while the standby holds the state of the active unit.
const (
	ConditionSynchronized = "Synchronized"

	// ReasonInSync means that the standby acknowledged the whole state and receives every change.
	ReasonInSync = "InSync"
	// ReasonSynchronizing means that the state is being transferred.
	ReasonSynchronizing = "Synchronizing"
	// ReasonPeerDisconnected means that the units have no session with each other.
	ReasonPeerDisconnected = "PeerDisconnected"
	// ReasonTableFull means that a table of the standby has no capacity for the whole state. The message names the table.
	ReasonTableFull = "TableFull"
	// ReasonProviderBehind means that the standby has the whole state, and that a provider of the standby does not report
	// that its process has taken it over. The message has the provider and the class.
	ReasonProviderBehind = "ProviderBehind"
	// ReasonNoStandby means that there is no standby to hold the state.
	ReasonNoStandby = "NoStandby"
)

// ConfigurationApplied is True while both units enforce the configuration of the spec.
const (
	ConditionConfigurationApplied = "ConfigurationApplied"

	// ReasonApplied means that both units report the hash of the configuration.
	ReasonApplied = "Applied"
	// ReasonSelfConfigured means that the pair refers to no configuration, and that both units enforce the one of their
	// firewall image.
	ReasonSelfConfigured = "SelfConfigured"
	// ReasonApplying means that a unit has not reported the hash yet.
	ReasonApplying = "Applying"
	// ReasonInvalid means that the configuration is invalid. The message has the path of the field. The last valid
	// configuration stays in force.
	ReasonInvalid = "Invalid"
	// ReasonConfigurationNotFound means that the configuration does not exist. The last valid configuration stays in
	// force.
	ReasonConfigurationNotFound = "ConfigurationNotFound"
	// ReasonRefusedByUnit means that a unit's firewall could not apply a configuration that the operator accepted.
	ReasonRefusedByUnit = "RefusedByUnit"
	// ReasonRoutesMissing means that a unit enforces the configuration and lacks routes of it. The message has their
	// fields.
	ReasonRoutesMissing = "RoutesMissing"
	// ReasonHelpersMissing means that a unit enforces the configuration, and that its kernel lacks a connection tracking
	// helper of a service. The message has the service and the kernel module.
	ReasonHelpersMissing = "HelpersMissing"
	// ReasonMulticastMissing means that a unit enforces the configuration, and does not forward its multicast. The message
	// has why.
	ReasonMulticastMissing = "MulticastMissing"
	// ReasonDHCPMissing means that a unit enforces the configuration, and that its DHCP server cannot serve an interface.
	// The message has which one and why.
	ReasonDHCPMissing = "DHCPMissing"
	// ReasonDNSMissing means that a unit enforces the configuration, and that its DNS forwarder cannot listen at an
	// address. The message has which one and why.
	ReasonDNSMissing = "DNSMissing"
	// ReasonNamesUnresolved means that a unit enforces the configuration, and has no longer the addresses of some DNS
	// names. The message has which names, and since when no resolver answers.
	ReasonNamesUnresolved = "NamesUnresolved"
)

// Reconciling is True while the operator works on putting the spec into force. True is the abnormal state. Reconciling
// and Stalled are never both True.
const (
	ConditionReconciling = "Reconciling"

	// ReasonSettled means that nothing is left to do.
	ReasonSettled = "Settled"
	// ReasonCreating means that units are being created.
	ReasonCreating = "Creating"
	// ReasonUpdating means that a unit is being replaced for a change of the spec.
	ReasonUpdating = "Updating"
	// ReasonWaitingForTurn means that a unit is outdated and that other pairs are updated first. The message names a pair.
	ReasonWaitingForTurn = "WaitingForTurn"
	// ReasonSwitchoverAwaited means that only the active unit is still outdated, and that spec.upgrade.strategy is
	// Supervised: a person must start the switchover. The message has the command.
	ReasonSwitchoverAwaited = "SwitchoverAwaited"
	// ReasonSwitchoverPending means that a requested switchover waits for the unit that is to become active.
	ReasonSwitchoverPending = "SwitchoverPending"
	// ReasonPaused means that spec.paused is true: the operator replaces no unit, and the active unit does not hand over
	// because of health or preemption. Reconciling is True while an outdated unit waits for the end of the pause.
	ReasonPaused = "Paused"
	// ReasonCertificatesPending means that cert-manager has not issued or renewed the units' certificates. The message
	// quotes cert-manager. Running units keep the certificates that they have.
	ReasonCertificatesPending = "CertificatesPending"
	// ReasonStalled means that the operator cannot continue. The condition Stalled has the cause.
	ReasonStalled = "Stalled"
)

// Stalled is True while the operator cannot continue until a person acts. True is the abnormal state.
const (
	ConditionStalled = "Stalled"

	// ReasonNotStalled means that nothing stops the operator.
	ReasonNotStalled = "NotStalled"
	// ReasonBlocked means that an object is missing or refused. The message names it.
	ReasonBlocked = "Blocked"
	// ReasonProgressDeadlineExceeded means that a new unit did not become ready, or in sync, within
	// spec.upgrade.progressDeadlineSeconds. The operator leaves the other unit as it is.
	ReasonProgressDeadlineExceeded = "ProgressDeadlineExceeded"
)

// Degraded is True while the pair is less available than the spec asks for. True is the abnormal state.
const (
	ConditionDegraded = "Degraded"

	// ReasonHealthy means that nothing is missing.
	ReasonHealthy = "Healthy"
	// ReasonRedundancyLost means that no standby could take over: a failure now would stop the traffic.
	ReasonRedundancyLost = "RedundancyLost"
	// ReasonNotSynchronized means that the standby is not in sync: a failover now would break connections.
	ReasonNotSynchronized = "NotSynchronized"
	// ReasonUnitUnhealthy means that a health check of a unit fails, such as that of its interfaces or its virtual
	// addresses. The message has the unit, the check and its fault.
	ReasonUnitUnhealthy = "UnitUnhealthy"
	// ReasonLeaseTermInvalid means that somebody wrote a number into the Lease as its term that no unit can have reached.
	// The units keep their term and repair the Lease.
	ReasonLeaseTermInvalid = "LeaseTermInvalid"
)

// AddressConflict is True while another host claims a virtual address of the pair. True is the abnormal state.
const (
	ConditionAddressConflict = "AddressConflict"

	// ReasonDuplicateAddress means that another host claimed a virtual address. The message has the address, the network
	// and the MAC address of that host.
	ReasonDuplicateAddress = "DuplicateAddress"
	// ReasonNoConflict means that no other host claims a virtual address.
	ReasonNoConflict = "NoConflict"
)

// Accepted is the condition of a SyncPolicy and a FirewallConfiguration. It is True while the object has no errors. Its
// other reason is ReasonInvalid.
const (
	ConditionAccepted = "Accepted"

	// ReasonValid means that the object has no errors.
	ReasonValid = "Valid"
)

// FenceArmed is a condition of an HAUnit. It is True while the kernel closes the unit's gate without help when the
// unit's right to forward ends. The other conditions of an HAUnit have the types and reasons of an HAPair.
const (
	ConditionFenceArmed = "FenceArmed"

	// ReasonBPF means that a BPF program in the kernel's traffic control compares the clock with the deadline.
	ReasonBPF = "BPF"
	// ReasonNFTables means that elements of an nftables set time out. It is weaker, since its deadline is relative.
	ReasonNFTables = "NFTables"
	// ReasonUnavailable means that the kernel refused both mechanisms.
	ReasonUnavailable = "Unavailable"
)
