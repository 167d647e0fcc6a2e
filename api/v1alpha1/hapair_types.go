package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The rules about metadata.name are as plain as they are because the API server bounds what a rule may cost by its
// estimate, and a regular expression over a name that it knows no length of is beyond that. For the same reason rules
// compare addresses by == alone, never by !=. The category is no kind's name, or kubectl would take `get hapair` for
// it.

// HAPair is a stateful firewall that runs as a pair of units: one active, which carries all traffic on the virtual
// addresses, and one standby, which holds the same state and takes over.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=hapairs,singular=hapair,shortName=hap,categories={firewall}
// +kubebuilder:printcolumn:name="Active",type=string,JSONPath=`.status.active`,description="Unit that carries the traffic"
// +kubebuilder:printcolumn:name="Standby",type=string,JSONPath=`.status.standby`,description="Unit that would take over"
// +kubebuilder:printcolumn:name="Term",type=integer,JSONPath=`.status.term`,description="Grows by one with every change of the active unit"
// +kubebuilder:printcolumn:name="Synchronized",type=string,JSONPath=`.status.conditions[?(@.type=="Synchronized")].status`,description="Whether the standby holds the state of the active"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether traffic is served"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 40",message="metadata.name must have at most 40 characters, since names of pods and services are made from it; choose a shorter one"
// +kubebuilder:validation:XValidation:rule="self.metadata.name >= 'a' && !self.metadata.name.contains('.')",message="metadata.name must be a DNS label that begins with a letter (a-z, 0-9, '-'), since a Service takes it"
type HAPair struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the pair should be.
	// +required
	Spec HAPairSpec `json:"spec"`

	// status is what the operator last observed of the pair; the operator alone writes it. A new pair has the observed
	// generation -1, so that no client takes it for up to date before the operator has seen it.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status HAPairStatus `json:"status,omitempty"`
}

// HAPairSpec is what the pair should be.
//
// +kubebuilder:validation:XValidation:rule="!has(self.failover) || !has(self.failover.monitors) || !has(self.failover.monitors.probes) || self.failover.monitors.probes.all(p, self.networks.exists(n, n.name == p.network))",fieldPath=.failover.monitors.probes,message="the network of a probe must be the name of one of spec.networks; correct it, or add the network"
// +kubebuilder:validation:XValidation:rule="!has(self.service) || !has(self.service.network) || self.networks.exists(n, n.name == self.service.network)",fieldPath=.service.network,message="the network of the Service must be the name of one of spec.networks; correct it, or add the network"
type HAPairSpec struct {
	// firewall is the program that filters and translates the traffic, and its configuration.
	// +required
	Firewall FirewallSpec `json:"firewall"`

	// networks are the segments between which the pair forwards. Each unit has an interface in each of them, named
	// as the network is.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="self.all(a, self.all(b, a.name == b.name || !a.virtualAddresses.exists(x, isCIDR(x) && b.virtualAddresses.exists(y, isCIDR(y) && cidr(x).ip() == cidr(y).ip()))))",message="a virtual address must belong to one network only; remove it from the other virtualAddresses"
	// +kubebuilder:validation:XValidation:rule="self.all(a, !has(a.virtualMAC) || a.virtualMAC in ['None', 'Auto'] || self.exists_one(b, has(b.virtualMAC) && b.virtualMAC.lowerAscii() == a.virtualMAC.lowerAscii()))",message="a virtualMAC must belong to one network only; change one of them, or use Auto, which makes one for each"
	Networks []NetworkSpec `json:"networks"`

	// service makes the pair reachable from the cluster under one address, whichever unit is active.
	// +optional
	Service *ServiceSpec `json:"service,omitempty"`

	// failover tunes how the change of the active unit is decided.
	// +optional
	// +kubebuilder:default={}
	Failover FailoverSpec `json:"failover,omitempty"`

	// paused is for maintenance: while it is true the active unit makes no switchover for health or preference, and the
	// operator replaces no unit. A dead active unit is still taken over from, one whose pod is deleted still hands over,
	// and a lost unit is still made anew.
	// +optional
	Paused bool `json:"paused,omitempty"`

	// upgrade is how units are replaced when a change needs new pods.
	// +optional
	// +kubebuilder:default={}
	Upgrade UpgradeSpec `json:"upgrade,omitempty"`

	// syncPolicyRef names the SyncPolicy in the pair's namespace that says what is replicated. Without it every
	// class that is replicated by default is, unthrottled.
	// +optional
	SyncPolicyRef *SyncPolicyReference `json:"syncPolicyRef,omitempty"`

	// certificates says where the certificates come from by which the units recognise each other.
	// +optional
	Certificates *CertificatesSpec `json:"certificates,omitempty"`
}

// FirewallSpec is the firewall of both units.
//
// +kubebuilder:validation:XValidation:rule="has(self.configurationRef) || (has(self.image) && self.image != '')",fieldPath=.configurationRef,message="configurationRef must name a FirewallConfiguration, as in {name: edge}; only an image of your own can do without"
type FirewallSpec struct {
	// configurationRef names the FirewallConfiguration in the pair's namespace that the units enforce. A configuration
	// with errors does not reach them: the last one without errors stays in force. It is required unless image is set,
	// since another firewall may bring a configuration of its own.
	// +optional
	ConfigurationRef *FirewallConfigurationReference `json:"configurationRef,omitempty"`

	// image is the firewall's image; the operator's default when empty. Another image must implement the contract of
	// docs/firewall.md.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image,omitempty"`

	// resources are the requests and limits of the firewall's container.
	// +optional
	Resources corev1.ResourceRequirements `json:"resources,omitempty"`

	// scheduling says on which nodes the units may run.
	// +optional
	Scheduling SchedulingSpec `json:"scheduling,omitempty"`
}

// FirewallConfigurationReference names a FirewallConfiguration in the same namespace.
type FirewallConfigurationReference struct {
	// name of the FirewallConfiguration.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="the name of a FirewallConfiguration must be a lowercase RFC 1123 subdomain: a-z, 0-9, '-' and '.', as in edge"
	Name string `json:"name"`
}

// SchedulingSpec is where the units may run.
type SchedulingSpec struct {
	// nodeSelector restricts the nodes to those with these labels.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// tolerations let the units run on tainted nodes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`

	// priorityClassName is the PriorityClass of the units' pods.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PriorityClassName string `json:"priorityClassName,omitempty"`

	// allowSameNode lets both units run on one node when no second one has room. The pair does not survive the loss
	// of that node; it is meant for trials.
	// +optional
	AllowSameNode bool `json:"allowSameNode,omitempty"`
}

// NetworkSpec is one segment that the pair is attached to.
type NetworkSpec struct {
	// name of the network, and of the interface in the units' pods.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="the name of a network must begin with a letter and have only a-z, 0-9 and '-', since an interface takes it"
	// +kubebuilder:validation:XValidation:rule="!(self in ['lo', 'eth0'])",message="lo and eth0 are the pod's own interfaces; choose another name"
	// +kubebuilder:validation:XValidation:rule="!(self in ['all', 'default'])",message="the kernel means every interface by all and default; choose another name"
	Name string `json:"name"`

	// attachment is how the interface gets into the units' pods.
	// +required
	Attachment NetworkAttachment `json:"attachment"`

	// virtualAddresses are the addresses that the active unit holds on this network, each with its prefix length, as
	// in 192.0.2.1/24 or 2001:db8::1/64.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self)",message="a virtual address must be an IPv4 or IPv6 address with its prefix length, as in 192.0.2.1/24 or 2001:db8::1/64"
	// +kubebuilder:validation:items:XValidation:rule="!isCIDR(self) || cidr(self).ip().isGlobalUnicast()",message="a virtual address must be a unicast address that is neither loopback, link-local nor unspecified"
	// +kubebuilder:validation:items:XValidation:rule="!isCIDR(self) || cidr(self).prefixLength() >= (cidr(self).ip().family() == 4 ? 31 : 127) || !(cidr(self).masked() == cidr(self))",message="a virtual address must be a host's address, not that of its network; choose another, as in 192.0.2.1/24 instead of 192.0.2.0/24"
	// +kubebuilder:validation:XValidation:rule="self.all(a, !isCIDR(a) || self.exists_one(b, isCIDR(b) && cidr(a).ip() == cidr(b).ip()))",message="a virtual address must be listed once; remove the other, whatever its prefix length"
	VirtualAddresses []string `json:"virtualAddresses"`

	// virtualMAC is the MAC address that the active unit's interface has on this network, beside the virtual addresses.
	// With None each unit keeps its own, and neighbours learn of a failover by the announcements alone; some ignore them.
	// With Auto the pair has a locally administered one of its own, made from its identity, and nothing around it has to
	// learn more than a switch does by itself. A given one, as in 02:00:5e:10:00:01, must be used by nothing else on the
	// segment. What carries the interface must let it change its address: macvlan in bridge mode does, ipvlan does not,
	// an SR-IOV function must be trusted, a hypervisor must permit it, and a switch with port security may shut the port.
	// +optional
	// +kubebuilder:default=None
	// +kubebuilder:validation:MaxLength=17
	// +kubebuilder:validation:XValidation:rule="self in ['None', 'Auto'] || self.matches('^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$')",message="virtualMAC must be None, Auto, or a MAC address, as in 02:00:5e:10:00:01"
	// +kubebuilder:validation:XValidation:rule="self == 'Auto' || !self.matches('^[0-9a-fA-F][13579bdfBDF]:')",message="virtualMAC must be a unicast address, whose first octet is even; choose another, as in 02:00:5e:10:00:01"
	// +kubebuilder:validation:XValidation:rule="self != '00:00:00:00:00:00'",message="virtualMAC must not be all zeros; choose another, as in 02:00:5e:10:00:01"
	VirtualMAC string `json:"virtualMAC,omitempty"`
}

// What virtualMAC may be beside an address.
const (
	// VirtualMACNone leaves each unit its own MAC address.
	VirtualMACNone = "None"
	// VirtualMACAuto makes an address from the pair's identity.
	VirtualMACAuto = "Auto"
)

// NetworkAttachment is how an interface gets into the units' pods.
//
// +kubebuilder:validation:XValidation:rule="has(self.multus)",message="multus must be set, as in multus: {name: lan}: it is the one kind of attachment there is"
type NetworkAttachment struct {
	// multus attaches by a NetworkAttachmentDefinition (k8s.cni.cncf.io/v1), which Multus or a compatible plugin
	// carries out.
	// +optional
	Multus *MultusAttachment `json:"multus,omitempty"`
}

// MultusAttachment names a NetworkAttachmentDefinition.
type MultusAttachment struct {
	// name of the NetworkAttachmentDefinition.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="the name of a NetworkAttachmentDefinition must be a lowercase RFC 1123 subdomain: a-z, 0-9, '-' and '.', as in lan"
	Name string `json:"name"`

	// namespace of the NetworkAttachmentDefinition; the pair's when empty.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == '' || !format.dns1123Label().validate(self).hasValue()",message="a namespace must be a lowercase RFC 1123 label: a-z, 0-9 and '-', as in edge-networks"
	Namespace string `json:"namespace,omitempty"`
}

// SyncPolicyReference names a SyncPolicy in the same namespace.
type SyncPolicyReference struct {
	// name of the SyncPolicy.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="the name of a SyncPolicy must be a lowercase RFC 1123 subdomain: a-z, 0-9, '-' and '.', as in edge"
	Name string `json:"name"`
}

// Unit is the fixed identity of one member of a pair.
//
// +kubebuilder:validation:Enum=primary;secondary
type Unit string

// The two units of every pair.
const (
	Primary   Unit = "primary"
	Secondary Unit = "secondary"
)

// Units are the units of a pair, in the order in which they are made.
func Units() []Unit { return []Unit{Primary, Secondary} }

// Peer is the other unit.
func (u Unit) Peer() Unit {
	if u == Primary {
		return Secondary
	}
	return Primary
}

// HAPairList is a list of pairs.
//
// +kubebuilder:object:root=true
type HAPairList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []HAPair `json:"items"`
}
