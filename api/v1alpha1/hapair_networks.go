package v1alpha1

// NetworkSpec is one segment that the pair is attached to.
type NetworkSpec struct {
	// name of the network, and of its interface in the units' pods. If you rename a network, both units are replaced, and
	// a virtual MAC address of type Auto changes.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="the name of a network must begin with a letter and have only a-z, 0-9 and '-', as in lan, since its interface has the same name"
	// +kubebuilder:validation:XValidation:rule="!(self in ['lo', 'eth0'])",message="lo and eth0 are the pod's own interfaces; choose another name"
	// +kubebuilder:validation:XValidation:rule="self != 'ipsec0'",message="ipsec0 is the interface of tunnels; choose another name"
	// +kubebuilder:validation:XValidation:rule="!(self in ['all', 'default'])",message="the kernel uses all and default for every interface; choose another name"
	Name string `json:"name"`

	// attachment selects how the interface is added to the units' pods.
	// +required
	Attachment NetworkAttachment `json:"attachment"`

	// virtualAddresses are the addresses that the active unit holds on this network. Each has a prefix length, as in
	// 192.0.2.1/24 or 2001:db8::1/64. A link-local address, as in fe80::1/64, may be the same on several networks. In a
	// prefix of length 31 or 127 the other address is that of a host, such as the router of a provider.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self)",message="a virtual address must be an IPv4 or IPv6 address with its prefix length, as in 192.0.2.1/24 or 2001:db8::1/64"
	// +kubebuilder:validation:items:XValidation:rule="!isCIDR(self) || cidr(self).ip().isGlobalUnicast() || cidr(self).ip().isLinkLocalUnicast()",message="a virtual address must be a unicast address that is neither loopback, multicast nor unspecified; choose another, as in 192.0.2.1/24"
	// +kubebuilder:validation:items:XValidation:rule="!isCIDR(self) || cidr(self).ip().family() == 6 || !cidr('0.0.0.0/8').containsIP(cidr(self).ip()) && !cidr('240.0.0.0/4').containsIP(cidr(self).ip())",message="a virtual address must not be in 0.0.0.0/8 or 240.0.0.0/4, which no host can have; choose another, as in 192.0.2.1/24"
	// +kubebuilder:validation:items:XValidation:rule="!isCIDR(self) || cidr(self).prefixLength() > 0",message="the prefix length of a virtual address must be at least 1, since with 0 every address would be a neighbour; choose that of its network, as in 192.0.2.1/24"
	// +kubebuilder:validation:items:XValidation:rule="!isCIDR(self) || cidr(self).prefixLength() >= (cidr(self).ip().family() == 4 ? 31 : 127) || !(cidr(self).masked() == cidr(self))",message="a virtual address must be a host's address, not that of its network; choose another, as in 192.0.2.1/24 instead of 192.0.2.0/24"
	// +kubebuilder:validation:items:XValidation:rule="!isCIDR(self) || cidr(self).ip().family() == 6 || cidr(self).prefixLength() >= 31 || (int(self.split('/')[0].split('.')[0]) * 16777216 + int(self.split('/')[0].split('.')[1]) * 65536 + int(self.split('/')[0].split('.')[2]) * 256 + int(self.split('/')[0].split('.')[3]) + 1) % [4294967296, 2147483648, 1073741824, 536870912, 268435456, 134217728, 67108864, 33554432, 16777216, 8388608, 4194304, 2097152, 1048576, 524288, 262144, 131072, 65536, 32768, 16384, 8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4][cidr(self).prefixLength()] != 0",message="a virtual address must be a host's address, not the broadcast address of its network; choose another, as in 192.0.2.1/24 instead of 192.0.2.255/24"
	// +kubebuilder:validation:XValidation:rule="self.all(a, !isCIDR(a) || self.exists_one(b, isCIDR(b) && cidr(a).ip() == cidr(b).ip()))",message="a virtual address must be listed once; remove the other, whatever its prefix length"
	VirtualAddresses []string `json:"virtualAddresses"`

	// virtualMAC selects the MAC address of the active unit's interface on this network.
	// +optional
	// +kubebuilder:default={type: None}
	VirtualMAC VirtualMACSpec `json:"virtualMAC,omitempty"`
}

// VirtualMACSpec selects the MAC address of the active unit's interface on one network.
//
// The carrier of the interface must permit another address. Macvlan in bridge mode permits it; ipvlan does not. An
// SR-IOV function must be trusted, a hypervisor must allow it, and a switch with port security may disable the port.
//
// +kubebuilder:validation:XValidation:rule="self.type != 'Static' || has(self.address)",fieldPath=.address,message="address must be set with type: Static, as in 02:00:5e:10:00:01; set it, or use type: Auto"
// +kubebuilder:validation:XValidation:rule="self.type == 'Static' || !has(self.address)",fieldPath=.address,message="address is used with type: Static only; remove it, or set type: Static"
type VirtualMACSpec struct {
	// type selects where the address comes from. With None each unit keeps its own address, and neighbours learn of a
	// failover only from announcements, which some devices ignore. With Auto the operator derives a locally administered
	// address from the UID of the pair and the name of the network. With Static it is the value of address.
	// +optional
	// +kubebuilder:default=None
	Type VirtualMACType `json:"type,omitempty"`

	// address is the MAC address with type Static, as in 02:00:5e:10:00:01. Nothing else on the segment may use it.
	// +optional
	// +kubebuilder:validation:MaxLength=17
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$')",message="address must be a MAC address, as in 02:00:5e:10:00:01"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^[0-9a-fA-F][13579bdfBDF]:')",message="address must be a unicast address, whose first octet is even; choose another, as in 02:00:5e:10:00:01"
	// +kubebuilder:validation:XValidation:rule="self != '00:00:00:00:00:00'",message="address must not be all zeros; choose another, as in 02:00:5e:10:00:01"
	Address string `json:"address,omitempty"`
}

// VirtualMACType selects where the MAC address of the active unit's interface comes from.
//
// +kubebuilder:validation:Enum=None;Auto;Static
type VirtualMACType string

// The types of virtual MAC addresses.
const (
	// VirtualMACNone keeps each unit's own MAC address.
	VirtualMACNone VirtualMACType = "None"
	// VirtualMACAuto derives an address from the UID of the pair and the name of the network.
	VirtualMACAuto VirtualMACType = "Auto"
	// VirtualMACStatic takes the address of the spec.
	VirtualMACStatic VirtualMACType = "Static"
)

// NetworkAttachment selects how an interface is added to the units' pods.
//
// +kubebuilder:validation:XValidation:rule="has(self.multus)",message="multus must be set, as in multus: {name: lan}; add it, since no other kind of attachment exists"
type NetworkAttachment struct {
	// multus names a NetworkAttachmentDefinition (k8s.cni.cncf.io/v1). Multus or a compatible plugin attaches it.
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

	// namespace of the NetworkAttachmentDefinition; empty for the namespace of the pair.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self == '' || !format.dns1123Label().validate(self).hasValue()",message="a namespace must be a lowercase RFC 1123 label: a-z, 0-9 and '-', as in edge-networks"
	Namespace string `json:"namespace,omitempty"`
}
