package v1alpha1

import corev1 "k8s.io/api/core/v1"

// ServiceSpec configures the Service by which clients in the cluster reach the pair.
//
// +kubebuilder:validation:XValidation:rule="has(self.network) || !has(self.target) || self.target != 'VirtualAddress'",fieldPath=.network,message="network must be set with target: VirtualAddress, since the Service points at the virtual addresses of that network; set it, or use target: ActiveUnit"
// +kubebuilder:validation:XValidation:rule="has(self.network) || !has(self.type) || self.type != 'LoadBalancer'",fieldPath=.network,message="network must be set with type: LoadBalancer, since the Service publishes the virtual addresses of that network; set it, or use another type"
type ServiceSpec struct {
	// type of the Service. With LoadBalancer the status of the Service publishes the virtual addresses of network. The
	// Service then has the class hapair.io/virtual-address and needs no other load balancer, since the pair holds the
	// addresses itself.
	// +optional
	// +kubebuilder:default=ClusterIP
	// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
	Type corev1.ServiceType `json:"type,omitempty"`

	// target is what the Service points at. With ActiveUnit its only endpoint is the pod of the active unit. Connections
	// through the Service then break when the active unit changes, since they end at the address of a pod. With
	// VirtualAddress the endpoints are the virtual addresses of network. Connections then survive a failover, but every
	// node needs a route to these addresses, and the firewall needs a route back to the clients.
	// +optional
	// +kubebuilder:default=ActiveUnit
	Target ServiceTarget `json:"target,omitempty"`

	// network is the name of the network whose virtual addresses the Service points at or publishes. It must be one of
	// spec.networks.
	// +optional
	// +kubebuilder:validation:MaxLength=15
	Network string `json:"network,omitempty"`

	// ipFamilyPolicy selects whether the Service has one IP family or both. It is the ipFamilyPolicy of the Service.
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

// LoadBalancerClass is the class of a pair's Service of type LoadBalancer. Other load balancers ignore this class.
const LoadBalancerClass = "hapair.io/virtual-address"

// ServicePort is one port of the Service.
//
// +kubebuilder:validation:XValidation:rule="has(self.targetPort) || !(self.port in [7780, 7781, 7782])",fieldPath=.port,message="a Service must not point at the ports 7780 to 7782, on which the units replicate and report; set targetPort to the port of your service, or choose another port"
// +kubebuilder:validation:XValidation:rule="!has(self.targetPort) || !(self.targetPort in [7780, 7781, 7782])",fieldPath=.targetPort,message="a Service must not point at the ports 7780 to 7782, on which the units replicate and report; set targetPort to the port of your service"
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

	// port of the Service.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`

	// targetPort is the port of the endpoints. Without it, it is the same as port. The units use 7780 to 7782 themselves.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	TargetPort int32 `json:"targetPort,omitempty"`
}
