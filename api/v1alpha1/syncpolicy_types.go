package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SyncPolicy chooses which state a pair replicates, and how fast. Pairs in its namespace refer to it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=syncpolicies,singular=syncpolicy,shortName=syncpol,categories={firewall}
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`,description="Whether the operator applies the policy"
// +kubebuilder:printcolumn:name="Pairs",type=string,JSONPath=`.status.pairs`,description="Pairs that use the policy"
// +kubebuilder:printcolumn:name="Classes",type=string,JSONPath=`.spec.classes[*].name`,priority=1,description="Classes that the policy configures"
// +kubebuilder:printcolumn:name="Records/s",type=integer,JSONPath=`.spec.throttle.recordsPerSecond`,priority=1,description="Upper bound of the records sent in a second"
// +kubebuilder:printcolumn:name="Kbit/s",type=integer,JSONPath=`.spec.throttle.kilobitsPerSecond`,priority=1,description="Upper bound of the bandwidth"
// +kubebuilder:printcolumn:name="Connections",type=integer,JSONPath=`.status.classes[?(@.name=="ConnectionCache")].entries`,priority=1,description="Connections that the active units hold"
// +kubebuilder:printcolumn:name="Bytes/s",type=integer,JSONPath=`.status.classes[?(@.name=="ConnectionCache")].bytesPerSecond`,priority=1,description="Bytes about them that are sent in a second"
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].message`,priority=1,description="Why the policy is accepted or not"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type SyncPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what pairs with this policy replicate.
	// +required
	Spec SyncPolicySpec `json:"spec"`

	// status shows whether the policy is accepted, and which pairs use it. Only the operator writes it.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status SyncPolicyStatus `json:"status,omitempty"`
}

// SyncPolicySpec is what pairs with this policy replicate.
type SyncPolicySpec struct {
	// classes configure single classes of state. A class that is not listed has its default.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Classes []SyncClass `json:"classes,omitempty"`

	// throttle bounds how fast state is sent, so that replication does not disturb the traffic.
	// +optional
	Throttle *SyncThrottle `json:"throttle,omitempty"`

	// audit configures how often the tables of the two units are compared.
	// +optional
	Audit *SyncAudit `json:"audit,omitempty"`
}

// SyncClassName is the name of a class of replicated state. A rule refuses each class that is never replicated, with
// the reason.
//
// +kubebuilder:validation:Enum=ARP;ConnectionCache;Custom;DHCPServer;DeepPacketInspection;DynamicARP;DynamicAddressObjects;DynamicRouting;DynamicWANClients;FTP;IPHelper;Multicast;OracleSQLNet;RTSP;RealAudio;SYNFloodProtection;VPN;VoIP;WANLoadBalancing
// +kubebuilder:validation:XValidation:rule="self != 'DeepPacketInspection'",message="class DeepPacketInspection is never replicated, because this is in the memory of the inspecting program, and the new active inspects each connection itself; leave it out"
// +kubebuilder:validation:XValidation:rule="self != 'DynamicWANClients'",message="class DynamicWANClients is never replicated, because the session is in the memory of the client, and the server of the provider begins another one with the new active; leave it out"
// +kubebuilder:validation:XValidation:rule="self != 'IPHelper'",message="class IPHelper is never replicated, because hosts repeat their requests within seconds, and the bindings are in the memory of the relay; leave it out"
// +kubebuilder:validation:XValidation:rule="self != 'SYNFloodProtection'",message="class SYNFloodProtection is never replicated, because the new active must judge by what it sees itself, and a copied meter could block hosts that it does not see; leave it out"
type SyncClassName string

// The classes that a policy can choose. The catalogue in internal/state describes them.
const (
	ARP                   SyncClassName = "ARP"
	ConnectionCache       SyncClassName = "ConnectionCache"
	Custom                SyncClassName = "Custom"
	DHCPServer            SyncClassName = "DHCPServer"
	DynamicARP            SyncClassName = "DynamicARP"
	DynamicAddressObjects SyncClassName = "DynamicAddressObjects"
	DynamicRoutingClass   SyncClassName = "DynamicRouting"
	FTP                   SyncClassName = "FTP"
	Multicast             SyncClassName = "Multicast"
	OracleSQLNet          SyncClassName = "OracleSQLNet"
	RTSP                  SyncClassName = "RTSP"
	RealAudio             SyncClassName = "RealAudio"
	VPN                   SyncClassName = "VPN"
	VoIP                  SyncClassName = "VoIP"
	WANLoadBalancing      SyncClassName = "WANLoadBalancing"
)

// SyncMode is whether a class is replicated.
//
// +kubebuilder:validation:Enum=Default;Replicate;Skip
type SyncMode string

// The modes of a class.
const (
	// SyncModeDefault does what a pair without a policy does.
	SyncModeDefault SyncMode = "Default"
	// SyncModeReplicate sends the class to the standby.
	SyncModeReplicate SyncMode = "Replicate"
	// SyncModeSkip does not send the class. Its state is lost at a failover.
	SyncModeSkip SyncMode = "Skip"
)

// SyncClass configures one class.
//
// +kubebuilder:validation:XValidation:rule="!has(self.connectionCache) || self.name == 'ConnectionCache'",message="connectionCache has the options of class ConnectionCache; move it to the item of that name, or remove it"
type SyncClass struct {
	// name of the class.
	// +required
	Name SyncClassName `json:"name"`

	// mode is whether the class is replicated: Default, as in a pair without a policy; Replicate; or Skip, which loses
	// its state at a failover.
	// +optional
	// +kubebuilder:default=Default
	Mode SyncMode `json:"mode,omitempty"`

	// weight is the share of the stream that the class has when several classes have changes waiting: the number of
	// frames it sends in one turn. The default depends on the class: usually 1, and 8 for ConnectionCache.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	Weight int32 `json:"weight,omitempty"`

	// connectionCache are the options of class ConnectionCache.
	// +optional
	ConnectionCache *ConnectionCacheOptions `json:"connectionCache,omitempty"`
}

// ConnectionCacheOptions narrow which connections are replicated.
type ConnectionCacheOptions struct {
	// protocols that are replicated; all if empty.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	Protocols []ConnectionProtocol `json:"protocols,omitempty"`

	// excludedNetworks are address blocks, as in 192.0.2.0/24. A connection from or to one of them is not replicated.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self) && cidr(self).masked() == cidr(self)",message="an excluded network must be an address block without host bits, as in 192.0.2.0/24 or 2001:db8::/32"
	ExcludedNetworks []string `json:"excludedNetworks,omitempty"`

	// tcpStates are the states in which TCP connections are replicated; all if empty. With Established alone, a flood of
	// connection attempts costs the standby nothing. A connection that is being opened or closed at a failover is then
	// lost.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=9
	TCPStates []TCPState `json:"tcpStates,omitempty"`

	// minimumAgeSeconds is the age from which a connection is replicated; at once if unset. Most connections end within
	// seconds, and then cost the standby nothing. A connection that is younger at a failover is lost.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=60
	MinimumAgeSeconds int32 `json:"minimumAgeSeconds,omitempty"`
}

// TCPState is the state of a TCP connection in the kernel's connection tracking.
//
// +kubebuilder:validation:Enum=SynSent;SynReceived;Established;FinWait;CloseWait;LastAck;TimeWait;Close;SimultaneousOpen
type TCPState string

// ConnectionProtocol is the transport protocol of a connection.
//
// +kubebuilder:validation:Enum=TCP;UDP;SCTP;ICMP;ICMPv6;GRE
type ConnectionProtocol string

// SyncThrottle bounds how fast state is sent. Changes beyond a bound wait and are merged; none is dropped. Heartbeats,
// and frames that a switchover waits for, are not delayed.
//
// +kubebuilder:validation:XValidation:rule="has(self.recordsPerSecond) || has(self.kilobitsPerSecond)",message="a throttle must bound something: set recordsPerSecond, kilobitsPerSecond, or both"
type SyncThrottle struct {
	// recordsPerSecond is the largest number of records sent in a second.
	// +optional
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=10000000
	RecordsPerSecond int32 `json:"recordsPerSecond,omitempty"`

	// kilobitsPerSecond is the bandwidth between the units that state may use, in units of 1,000 bits a second. It
	// includes encryption and framing.
	// +optional
	// +kubebuilder:validation:Minimum=64
	// +kubebuilder:validation:Maximum=100000000
	KilobitsPerSecond int32 `json:"kilobitsPerSecond,omitempty"`
}

// SyncAudit configures the comparison of the units' tables while they are in sync. An audit finds and repairs what was
// lost without notice. It costs each unit a dump of the table.
type SyncAudit struct {
	// intervalSeconds is the time between two audits.
	// +optional
	// +kubebuilder:default=600
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=86400
	IntervalSeconds int32 `json:"intervalSeconds,omitempty"`
}

// SyncPolicyStatus shows whether the policy is accepted, and which pairs use it.
type SyncPolicyStatus struct {
	// observedGeneration is the generation of the spec that this status describes; -1 until the operator has seen the
	// policy.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// pairs are the names of the pairs that use the policy, sorted.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	Pairs []string `json:"pairs,omitempty"`

	// classes are what each class of state costs in all pairs that use the policy. It shows what a change of the policy
	// would save.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Classes []ClassCost `json:"classes,omitempty"`

	// conditions of the policy. Accepted is False if the policy cannot be applied; the message then names the field.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// ClassCost is what a class of state costs the active units of pairs. Each number is the sum of those in the status of
// their HAUnits.
type ClassCost struct {
	// name of the class, as in ConnectionCache.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// entries that the active units hold.
	// +optional
	Entries int64 `json:"entries"`

	// bytesPerSecond is how much state of the class they send a second, before encryption.
	// +optional
	BytesPerSecond int64 `json:"bytesPerSecond"`
}

// SyncPolicyList is a list of policies.
//
// +kubebuilder:object:root=true
type SyncPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SyncPolicy `json:"items"`
}
