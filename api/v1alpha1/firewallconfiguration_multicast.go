package v1alpha1

// FirewallMulticast forwards multicast between networks of the pair, as a proxy of IGMP and MLD (RFC 4605). What it
// forwards needs a policy, like every connection.
//
// +kubebuilder:validation:XValidation:rule="!(self.upstream in self.downstream)",fieldPath=.downstream,message="upstream must not be downstream too; remove it from one of them"
type FirewallMulticast struct {
	// upstream is the network with the sources and the next multicast router. The unit reports there what all hosts
	// receive.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="upstream must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in wan"
	Upstream string `json:"upstream"`

	// downstream are the networks with the hosts that receive multicast. They report to the unit with IGMPv1 to v3 and
	// MLDv1 and v2.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=31
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=15
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="an interface must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in lan"
	Downstream []string `json:"downstream"`

	// groups are prefixes of the groups that are forwarded, as in 239.0.0.0/8 or ff08::/16. Without it, all groups are,
	// except for those of one link.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self) && (cidr('224.0.0.0/4').containsCIDR(self) || cidr('ff00::/8').containsCIDR(self))",message="a group must be a prefix of multicast addresses, as in 239.0.0.0/8 or ff08::/16"
	// +kubebuilder:validation:items:XValidation:rule="!isCIDR(self) || !['224.0.0.0/24', 'ff01::/16', 'ff02::/16'].exists(link, cidr(link).containsCIDR(self))",message="groups of one link are never forwarded; remove them"
	Groups []string `json:"groups,omitempty"`
}
