package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The API server refuses a CRD if the estimated cost of its validation rules is too high. The rules of this API
// therefore compare addresses with == only, match regular expressions only against fields with a maximum length, and
// are plain where they check metadata.name. No rule in the comment of a type may contain two single quotes in a row:
// gofmt replaces them by a typographic quote.
//
// The category must differ from the names of all kinds: "kubectl get" resolves a name as a kind first.

// HAPair is a stateful firewall that runs as two units. The active unit carries all traffic on the virtual addresses;
// the standby unit holds the same state and takes over.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=hapairs,singular=hapair,shortName=hap,categories={firewall}
// +kubebuilder:printcolumn:name="Active",type=string,JSONPath=`.status.active`,description="Unit that carries the traffic"
// +kubebuilder:printcolumn:name="Standby",type=string,JSONPath=`.status.standby`,description="Unit that takes over"
// +kubebuilder:printcolumn:name="Term",type=integer,JSONPath=`.status.term`,description="Number of the current active unit's term; every change of the active unit increases it by one"
// +kubebuilder:printcolumn:name="Synchronized",type=string,JSONPath=`.status.conditions[?(@.type=="Synchronized")].status`,description="Whether the standby holds the state of the active unit"
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`,description="Whether the pair serves traffic"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Redundant",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Redundant")].status`,description="Whether a standby is ready to take over"
// +kubebuilder:printcolumn:name="Applied",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="ConfigurationApplied")].status`,description="Whether both units enforce the firewall configuration"
// +kubebuilder:printcolumn:name="Reconciling",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Reconciling")].reason`,description="What the operator does, or waits for"
// +kubebuilder:printcolumn:name="Stalled",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Stalled")].reason`,description="Why the operator cannot continue; the message of the condition has the details"
// +kubebuilder:printcolumn:name="Configuration",type=string,priority=1,JSONPath=`.spec.firewall.configurationRef.name`,description="FirewallConfiguration of the pair"
// +kubebuilder:printcolumn:name="Changed",type=date,priority=1,JSONPath=`.status.history[0].time`,description="When the active unit changed last"
// +kubebuilder:printcolumn:name="Cause",type=string,priority=1,JSONPath=`.status.history[0].cause`,description="Why the active unit changed last"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 40",message="metadata.name must have at most 40 characters, since names of pods and services are made from it; choose a shorter one"
// +kubebuilder:validation:XValidation:rule="self.metadata.name >= 'a' && !self.metadata.name.contains('.')",message="metadata.name must be a DNS label that begins with a letter (a-z, 0-9, '-'), since a Service takes it"
type HAPair struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the desired state of the pair. You can change every field while the pair runs. A change that needs new pods
	// replaces one unit after the other, as spec.upgrade describes.
	// +required
	Spec HAPairSpec `json:"spec"`

	// status is the observed state of the pair. Only the operator writes it. A new pair has the observed generation -1,
	// so that tools do not report it as ready before the operator has seen it.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status HAPairStatus `json:"status,omitempty"`
}

// HAPairSpec is the desired state of a pair.
//
// No rule compares the old spec with the new one, since every field may change. A change that a running pod cannot take
// replaces the pod.
//
// +kubebuilder:validation:XValidation:rule="!has(self.failover) || !has(self.failover.monitors) || !has(self.failover.monitors.probes) || self.failover.monitors.probes.all(p, self.networks.exists(n, n.name == p.network))",fieldPath=.failover.monitors.probes,message="the network of a probe must be the name of one of spec.networks; correct it, or add the network"
// +kubebuilder:validation:XValidation:rule="!has(self.service) || !has(self.service.network) || self.networks.exists(n, n.name == self.service.network)",fieldPath=.service.network,message="the network of the Service must be the name of one of spec.networks; correct it, or add the network"
// +kubebuilder:validation:XValidation:rule="!has(self.failover) || !has(self.failover.monitors) || !has(self.failover.monitors.probes) || [self.failover.monitors.probes.map(p, has(p.icmp) ? p.icmp.host : has(p.tcp) ? p.tcp.host : has(p.http) ? p.http.host : p.name).map(h, isIP(h) ? string(ip(h)) : h)].all(hosts, self.networks.all(n, !sets.intersects(hosts, n.virtualAddresses.map(a, isCIDR(a) ? string(cidr(a).ip()) : a))))",fieldPath=.failover.monitors.probes,message="the host of a probe must not be a virtual address, which only the standby reaches, so that the role would move again and again; choose the address of another host"
type HAPairSpec struct {
	// networks are the segments between which the pair forwards. Each unit has one interface in each of them, with the
	// name of the network.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="[self.map(n, n.virtualAddresses.map(a, !isCIDR(a) ? a : cidr(a).ip().isLinkLocalUnicast() ? n.name + a : string(cidr(a).ip())))].all(lists, lists.all(a, lists.exists_one(b, sets.intersects(a, b))))",message="a virtual address must belong to one network only; remove it from the other virtualAddresses"
	// +kubebuilder:validation:XValidation:rule="self.all(a, !has(a.virtualMAC) || !has(a.virtualMAC.address) || self.exists_one(b, has(b.virtualMAC) && has(b.virtualMAC.address) && b.virtualMAC.address.lowerAscii() == a.virtualMAC.address.lowerAscii()))",message="the address of a virtualMAC must belong to one network only; change one of them, or use type: Auto, which makes one for each"
	Networks []NetworkSpec `json:"networks"`

	// firewall selects the program that filters and translates the traffic, and its configuration.
	// +required
	Firewall FirewallSpec `json:"firewall"`

	// units configures the pods of both units.
	// +optional
	// +kubebuilder:default={}
	Units UnitsSpec `json:"units,omitempty"`

	// providers are processes of third parties in the units' pods, whose state survives a failover.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="self.all(p, self.exists_one(q, q.runAsUser == p.runAsUser))",message="runAsUser must belong to one provider only, since the sidecar recognizes a provider by it; change one of them"
	// +kubebuilder:validation:XValidation:rule="self.all(p, !has(p.writes) || p.writes.all(c, c == 'DynamicAddressObjects' || self.exists_one(q, has(q.writes) && c in q.writes)))",message="a class must be in writes of one provider only; remove it from the others, or add it to their reads"
	// +kubebuilder:validation:XValidation:rule="self.all(p, !has(p.reads) || p.reads.all(c, self.exists(q, has(q.writes) && c in q.writes)))",message="a class in reads must be in writes of a provider; correct its name, or add the provider that publishes it"
	// +kubebuilder:validation:XValidation:rule="self.map(p, has(p.quotas) ? p.quotas.map(q, has(q.entries) ? q.entries : 0).sum() : 0).sum() + 1024 * (self.map(p, has(p.writes) ? size(p.writes) : 0).sum() - self.map(p, has(p.quotas) ? size(p.quotas.filter(q, has(q.entries))) : 0).sum()) <= 65536",message="the quotas of all providers, and 1024 entries for each class without one, must not exceed 65536 entries together; lower a quota"
	// +kubebuilder:validation:XValidation:rule="self.map(p, has(p.quotas) ? p.quotas.map(q, has(q.mebibytes) ? q.mebibytes : 0).sum() : 0).sum() + 1 * (self.map(p, has(p.writes) ? size(p.writes) : 0).sum() - self.map(p, has(p.quotas) ? size(p.quotas.filter(q, has(q.mebibytes))) : 0).sum()) <= 64",message="the quotas of all providers, and 1 mebibyte for each class without one, must not exceed 64 mebibytes together; lower a quota"
	Providers []ProviderSpec `json:"providers,omitempty"`

	// vpn adds a container with an IKE daemon to the units, for the tunnels of the FirewallConfiguration.
	// +optional
	VPN *VPNSpec `json:"vpn,omitempty"`

	// dynamicRouting adds a container with routing daemons to the units, for routing.dynamic of the FirewallConfiguration.
	// +optional
	DynamicRouting *DynamicRoutingSpec `json:"dynamicRouting,omitempty"`

	// failover configures when a unit takes over and when it hands over.
	// +optional
	// +kubebuilder:default={}
	Failover FailoverSpec `json:"failover,omitempty"`

	// service configures a Service by which the cluster reaches the active unit. Without it the pair has none.
	// +optional
	Service *ServiceSpec `json:"service,omitempty"`

	// syncPolicyRef names the SyncPolicy that selects what is replicated. Without it the pair replicates every class
	// that is replicated by default, at full speed.
	// +optional
	SyncPolicyRef *SyncPolicyReference `json:"syncPolicyRef,omitempty"`

	// certificates selects the authority that signs the certificates of the units.
	// +optional
	Certificates *CertificatesSpec `json:"certificates,omitempty"`

	// upgrade configures how units are replaced when a change needs new pods.
	// +optional
	// +kubebuilder:default={}
	Upgrade UpgradeSpec `json:"upgrade,omitempty"`

	// paused stops planned changes, for maintenance. While it is true, the active unit does not hand over because of
	// health or preemption, and the operator replaces no unit. The standby still takes over from a dead active unit, an
	// active unit whose pod is deleted still hands over, and the operator still recreates a lost unit.
	// +optional
	Paused bool `json:"paused,omitempty"`
}

// FirewallSpec selects the firewall of both units.
//
// +kubebuilder:validation:XValidation:rule="has(self.configurationRef) || (has(self.image) && self.image.size() > 0)",fieldPath=.configurationRef,message="configurationRef must name a FirewallConfiguration, as in {name: edge}; set it, or set image to a firewall that has its own configuration"
type FirewallSpec struct {
	// configurationRef names the FirewallConfiguration that the units enforce. It must be in the pair's namespace. While
	// a configuration has errors, the last one without errors stays in force. You can leave it out only if image is set:
	// another firewall may have its own configuration.
	// +optional
	ConfigurationRef *FirewallConfigurationReference `json:"configurationRef,omitempty"`

	// image is the container image of the firewall; empty for the operator's default. Another image must implement the
	// contract in docs/firewall.md.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image,omitempty"`
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

// SyncPolicyReference names a SyncPolicy in the pair's namespace.
type SyncPolicyReference struct {
	// name of the SyncPolicy.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="the name of a SyncPolicy must be a lowercase RFC 1123 subdomain: a-z, 0-9, '-' and '.', as in edge"
	Name string `json:"name"`
}

// Unit is the name of one unit of a pair. It stays the same when the unit's pod is replaced and when roles change.
type Unit string

// The two units of every pair.
const (
	Primary   Unit = "primary"
	Secondary Unit = "secondary"
)

// Units returns the units of a pair, in the order in which the operator creates them.
func Units() []Unit { return []Unit{Primary, Secondary} }

// Peer returns the other unit.
func (u Unit) Peer() Unit {
	if u == Primary {
		return Secondary
	}
	return Primary
}

// HAPairList is a list of HAPairs.
//
// +kubebuilder:object:root=true
type HAPairList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []HAPair `json:"items"`
}
