package v1alpha1

// FirewallNeighbour is a neighbour that the kernel does not ask for, or an address for which the unit answers.
//
// +kubebuilder:validation:XValidation:rule="has(self.mac) || (has(self.publish) && self.publish)",message="mac or publish must be set: the MAC address of the host, or that the unit answers for it"
// +kubebuilder:validation:XValidation:rule="!has(self.mac) || !has(self.publish) || !self.publish",fieldPath=.mac,message="mac is not used with publish, since the unit answers with the MAC address of the interface; remove one"
type FirewallNeighbour struct {
	// interface is the network of the pair that the address is on.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="an interface must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in lan"
	Interface string `json:"interface"`

	// address is the IPv4 or IPv6 address of the neighbour.
	// +required
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="address must be an IPv4 or IPv6 address without a prefix length, as in 192.168.50.77 or 2001:db8::77"
	// +kubebuilder:validation:XValidation:rule="!isIP(self) || ip(self).isGlobalUnicast() || ip(self).isLinkLocalUnicast()",message="address must be a unicast address that is neither loopback nor unspecified"
	Address string `json:"address"`

	// mac is the MAC address of a host that does not answer ARP or neighbour discovery, as in 02:00:5e:10:00:77.
	// +optional
	// +kubebuilder:validation:MaxLength=17
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$') && self != '00:00:00:00:00:00'",message="mac must be a unicast MAC address, as in 02:00:5e:10:00:77"
	MAC string `json:"mac,omitempty"`

	// publish makes the unit answer for the address (proxy ARP and NDP). It answers only if its route to the address
	// leaves by another interface.
	// +optional
	Publish bool `json:"publish,omitempty"`
}
