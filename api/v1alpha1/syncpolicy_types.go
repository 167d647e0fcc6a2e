package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SyncPolicy says what of a pair's state is replicated, and how fast. Pairs of its namespace refer to it.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=syncpolicies,singular=syncpolicy,shortName=syncpol,categories={firewall}
// +kubebuilder:printcolumn:name="Accepted",type=string,JSONPath=`.status.conditions[?(@.type=="Accepted")].status`,description="Whether the policy can be carried out"
// +kubebuilder:printcolumn:name="Pairs",type=string,JSONPath=`.status.pairs`,description="Pairs that use the policy"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type SyncPolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is replicated.
	// +required
	Spec SyncPolicySpec `json:"spec"`

	// status is who uses the policy. The operator alone writes it.
	// +optional
	Status SyncPolicyStatus `json:"status,omitempty"`
}

// SyncPolicySpec is what is replicated.
type SyncPolicySpec struct {
	// classes override, class by class, whether the class is replicated. A class that is not listed has its default.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Classes []SyncClass `json:"classes,omitempty"`

	// connections narrows which connections are replicated.
	// +optional
	Connections *ConnectionFilter `json:"connections,omitempty"`

	// throttle bounds how fast state is sent, so that replication never disturbs the traffic.
	// +optional
	Throttle *SyncThrottle `json:"throttle,omitempty"`
}

// SyncClassName is one class of replicated state.
//
// +kubebuilder:validation:Enum=ConnectionCache
type SyncClassName string

// ConnectionCache is connection tracking: tuples, NAT, status, TCP state and window scale, marks, time-outs.
const ConnectionCache SyncClassName = "ConnectionCache"

// SyncMode is whether a class is replicated.
//
// +kubebuilder:validation:Enum=Replicate;Skip
type SyncMode string

// The modes of a class.
const (
	// SyncModeReplicate sends the class to the standby.
	SyncModeReplicate SyncMode = "Replicate"
	// SyncModeSkip leaves the class out: it is lost at a failover.
	SyncModeSkip SyncMode = "Skip"
)

// SyncClass is how one class is treated.
type SyncClass struct {
	// name of the class.
	// +required
	Name SyncClassName `json:"name"`

	// mode says whether the class is replicated.
	// +required
	Mode SyncMode `json:"mode"`
}

// ConnectionFilter narrows which connections are replicated.
type ConnectionFilter struct {
	// protocols that are replicated; all when empty.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	Protocols []ConnectionProtocol `json:"protocols,omitempty"`

	// excludedNetworks are address blocks, as in 192.0.2.0/24; a connection from or to one of them is not replicated.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self) && cidr(self).masked() == cidr(self)",message="an excluded network must be an address block without host bits, as in 192.0.2.0/24 or 2001:db8::/32"
	ExcludedNetworks []string `json:"excludedNetworks,omitempty"`

	// tcpStates are the states in which TCP connections are replicated; all when empty. With Established alone a flood of
	// connection attempts costs the standby nothing, and a connection that is being set up or closed at a failover is
	// lost.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=9
	TCPStates []TCPState `json:"tcpStates,omitempty"`

	// minimumAgeSeconds is how old a connection becomes before it is replicated; at once when unset. Most connections end
	// within seconds, and then cost the standby nothing; a connection that is younger at a failover is lost.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=60
	MinimumAgeSeconds int32 `json:"minimumAgeSeconds,omitempty"`
}

// TCPState is what the kernel's connection tracking takes a TCP connection for.
//
// +kubebuilder:validation:Enum=SynSent;SynReceived;Established;FinWait;CloseWait;LastAck;TimeWait;Close;SimultaneousOpen
type TCPState string

// ConnectionProtocol is the transport protocol of a connection.
//
// +kubebuilder:validation:Enum=TCP;UDP;SCTP;ICMP;ICMPv6;GRE
type ConnectionProtocol string

// SyncThrottle bounds how fast state is sent. What exceeds a bound waits and is merged, never dropped. Heartbeats, and
// what a switchover waits for, are never held back.
//
// +kubebuilder:validation:XValidation:rule="has(self.recordsPerSecond) || has(self.kilobitsPerSecond)",message="a throttle must bound something: set recordsPerSecond, kilobitsPerSecond, or both"
type SyncThrottle struct {
	// recordsPerSecond that are sent at most.
	// +optional
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=10000000
	RecordsPerSecond int32 `json:"recordsPerSecond,omitempty"`

	// kilobitsPerSecond, of 1,000 bits each, that the state takes of the network between the units at most, encryption
	// and framing included.
	// +optional
	// +kubebuilder:validation:Minimum=64
	// +kubebuilder:validation:Maximum=100000000
	KilobitsPerSecond int32 `json:"kilobitsPerSecond,omitempty"`
}

// SyncPolicyStatus is who uses the policy.
type SyncPolicyStatus struct {
	// observedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// pairs that use the policy, by name, sorted.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	Pairs []string `json:"pairs,omitempty"`

	// conditions of the policy: Accepted.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// SyncPolicyList is a list of policies.
//
// +kubebuilder:object:root=true
type SyncPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SyncPolicy `json:"items"`
}
