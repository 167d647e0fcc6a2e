package v1alpha1

import corev1 "k8s.io/api/core/v1"

// ServiceSpec is the Service by which the cluster, and with a LoadBalancer whoever reads its status, reaches the pair.
//
// +kubebuilder:validation:XValidation:rule="has(self.network) || !has(self.target) || self.target != 'VirtualAddress'",fieldPath=.network,message="network must name the one of spec.networks whose virtual addresses the Service points at; set it, or target: ActiveUnit"
// +kubebuilder:validation:XValidation:rule="has(self.network) || !has(self.type) || self.type != 'LoadBalancer'",fieldPath=.network,message="network must name the one of spec.networks whose virtual addresses the Service publishes; set it, or another type"
type ServiceSpec struct {
	// type of the Service. A LoadBalancer is of the class hapair.io/virtual-address: its status publishes the virtual
	// addresses of network, which the pair holds itself; nothing else has to carry it out.
	// +optional
	// +kubebuilder:default=ClusterIP
	// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
	Type corev1.ServiceType `json:"type,omitempty"`

	// target is what the Service points at. With ActiveUnit its one endpoint is the active unit's pod, and follows the
	// role; a connection through the Service does not outlive a change of the active unit, since its far end is a pod's
	// own address. With VirtualAddress it points at the virtual addresses of network, and never changes: connections
	// through the Service go on. For that every node must have a route to them, and the firewall one back to whoever
	// speaks through the Service.
	// +optional
	// +kubebuilder:default=ActiveUnit
	Target ServiceTarget `json:"target,omitempty"`

	// network is the one of spec.networks whose virtual addresses the Service points at, or publishes.
	// +optional
	// +kubebuilder:validation:MaxLength=15
	Network string `json:"network,omitempty"`

	// ipFamilyPolicy says whether the Service has an address of each IP family, as the field of that name of a Service.
	// +optional
	// +kubebuilder:default=SingleStack
	// +kubebuilder:validation:Enum=SingleStack;PreferDualStack;RequireDualStack
	IPFamilyPolicy corev1.IPFamilyPolicy `json:"ipFamilyPolicy,omitempty"`

	// ports of the Service.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:XValidation:rule="self.all(a, self.all(b, a.name == b.name || a.port != b.port || a.protocol != b.protocol))",message="two ports of a Service must differ in port or protocol; change one of them"
	Ports []ServicePort `json:"ports"`
}

// ServiceTarget is what a pair's Service points at.
//
// +kubebuilder:validation:Enum=ActiveUnit;VirtualAddress
type ServiceTarget string

// The targets of a Service.
const (
	TargetActiveUnit     ServiceTarget = "ActiveUnit"
	TargetVirtualAddress ServiceTarget = "VirtualAddress"
)

// LoadBalancerClass is that of a pair's Service of type LoadBalancer, of which no other controller takes care.
const LoadBalancerClass = "hapair.io/virtual-address"

// ServicePort is one port of the Service.
type ServicePort struct {
	// name of the port.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Label().validate(self).hasValue()",message="the name of a port must have only a-z, 0-9 and '-', and begin and end with a letter or digit, as in https"
	Name string `json:"name"`

	// protocol of the port.
	// +optional
	// +kubebuilder:default=TCP
	// +kubebuilder:validation:Enum=TCP;UDP;SCTP
	Protocol corev1.Protocol `json:"protocol,omitempty"`

	// port that the Service listens on.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`

	// targetPort of what the Service points at; the same as port when left out.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	TargetPort int32 `json:"targetPort,omitempty"`
}
