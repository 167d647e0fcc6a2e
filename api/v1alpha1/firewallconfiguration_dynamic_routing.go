package v1alpha1

// DynamicRouting lets the active unit exchange routes with other routers. It needs pairs with spec.dynamicRouting. It
// allows nothing by itself: policies must accept the packets of the routers to the zone firewall.
//
// Learned routes come after static routes to the same destination. They only lead to networks of the pair.
//
// +kubebuilder:validation:XValidation:rule="has(self.ospf) || has(self.ospfv3) || has(self.rip) || has(self.ripng) || has(self.bgp)",message="at least one of ospf, ospfv3, rip, ripng and bgp must be set"
// +kubebuilder:validation:XValidation:rule="has(self.routerID) || !(has(self.ospf) || has(self.ospfv3) || has(self.bgp))",fieldPath=.routerID,message="ospf, ospfv3 and bgp need a routerID, which both units share; set one, as in 203.0.113.1"
type DynamicRouting struct {
	// routerID identifies the pair among routers of OSPF and BGP. It has the form of an IPv4 address, and need not be one
	// of the pair. No other router may have it.
	// +optional
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip(self).family() == 4",message="routerID must have the form of an IPv4 address, as in 203.0.113.1"
	RouterID string `json:"routerID,omitempty"`

	// ospf is OSPFv2 (RFC 2328), for IPv4.
	// +optional
	OSPF *OSPF `json:"ospf,omitempty"`

	// ospfv3 is OSPFv3 (RFC 5340), for IPv6.
	// +optional
	OSPFv3 *OSPFv3 `json:"ospfv3,omitempty"`

	// rip is RIPv2 (RFC 2453), for IPv4.
	// +optional
	RIP *RIP `json:"rip,omitempty"`

	// ripng is RIPng (RFC 2080), for IPv6.
	// +optional
	RIPng *RIPng `json:"ripng,omitempty"`

	// bgp is BGP-4 (RFC 4271), for both families.
	// +optional
	BGP *BGP `json:"bgp,omitempty"`

	// raw are further lines for the configuration of FRR, which has the routing daemons. They follow those that are made
	// from the other fields. The unit refuses a configuration that FRR refuses, and reports that.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32768
	Raw string `json:"raw,omitempty"`
}

// RedistributedRoutes are routes that are announced by another protocol.
//
// +kubebuilder:validation:Enum=Connected;Static
type RedistributedRoutes string

// OSPF configures OSPFv2.
type OSPF struct {
	// areas are the areas to which interfaces belong.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Areas []OSPFArea `json:"areas"`

	// redistribute are routes that the pair announces besides its interfaces: Connected for the networks of the pair, and
	// Static for spec.routing.routes.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	Redistribute []RedistributedRoutes `json:"redistribute,omitempty"`

	// announceDefault announces the default route, if the pair has one.
	// +optional
	AnnounceDefault bool `json:"announceDefault,omitempty"`
}

// OSPFArea is an area of OSPFv2.
type OSPFArea struct {
	// id of the area, as in 0.0.0.0 for the backbone.
	// +required
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip(self).family() == 4",message="id must have the form of an IPv4 address, as in 0.0.0.0 for the backbone"
	ID string `json:"id"`

	// type of the area. Without it, Normal.
	// +optional
	Type OSPFAreaType `json:"type,omitempty"`

	// interfaces are the networks of the pair in the area.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Interfaces []OSPFInterface `json:"interfaces"`
}

// OSPFAreaType is whether an area has routes from outside of OSPF. A Stub area has none, and an NSSA only its own.
//
// +kubebuilder:validation:Enum=Normal;Stub;NSSA
type OSPFAreaType string

// OSPFInterface is a network of the pair in an area of OSPFv2.
type OSPFInterface struct {
	// name is the name of the network.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="an interface must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in wan"
	Name string `json:"name"`

	// passive announces the network, and looks for no routers on it.
	// +optional
	Passive bool `json:"passive,omitempty"`

	// cost of the interface. Without it, 10.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Cost int32 `json:"cost,omitempty"`

	// helloSeconds is the time between two hellos. All routers of the network must have the same. Without it, 10.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	HelloSeconds int32 `json:"helloSeconds,omitempty"`

	// deadSeconds is after how long without hellos a router is gone. All routers of the network must have the same.
	// Without it, four times helloSeconds.
	// +optional
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=65535
	DeadSeconds int32 `json:"deadSeconds,omitempty"`

	// authentication authenticates packets by HMAC-MD5 (RFC 2328, appendix D). All routers of the network must have the
	// same.
	// +optional
	Authentication *RoutingKey `json:"authentication,omitempty"`
}

// RoutingKey is a key that routers share.
type RoutingKey struct {
	// id of the key. Without it, 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=255
	ID int32 `json:"id,omitempty"`

	// key is the key in the Secret of the pair's spec.dynamicRouting. Its value has at most 16 printable characters of
	// ASCII without spaces.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key"`
}

// OSPFv3 configures OSPFv3.
type OSPFv3 struct {
	// areas are the areas to which interfaces belong.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Areas []OSPFv3Area `json:"areas"`

	// redistribute are routes that the pair announces besides its interfaces, as for ospf.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	Redistribute []RedistributedRoutes `json:"redistribute,omitempty"`

	// announceDefault announces the default route, if the pair has one.
	// +optional
	AnnounceDefault bool `json:"announceDefault,omitempty"`
}

// OSPFv3Area is an area of OSPFv3.
type OSPFv3Area struct {
	// id of the area, as in 0.0.0.0 for the backbone.
	// +required
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip(self).family() == 4",message="id must have the form of an IPv4 address, as in 0.0.0.0 for the backbone"
	ID string `json:"id"`

	// type of the area. Without it, Normal.
	// +optional
	Type OSPFAreaType `json:"type,omitempty"`

	// interfaces are the networks of the pair in the area.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Interfaces []OSPFv3Interface `json:"interfaces"`
}

// OSPFv3Interface is a network of the pair in an area of OSPFv3.
type OSPFv3Interface struct {
	// name is the name of the network.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="an interface must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in wan"
	Name string `json:"name"`

	// passive announces the network, and looks for no routers on it.
	// +optional
	Passive bool `json:"passive,omitempty"`

	// cost of the interface. Without it, 10.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Cost int32 `json:"cost,omitempty"`

	// helloSeconds is the time between two hellos. All routers of the network must have the same. Without it, 10.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	HelloSeconds int32 `json:"helloSeconds,omitempty"`

	// deadSeconds is after how long without hellos a router is gone. All routers of the network must have the same.
	// Without it, four times helloSeconds.
	// +optional
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=65535
	DeadSeconds int32 `json:"deadSeconds,omitempty"`
}

// RIP configures RIPv2.
type RIP struct {
	// interfaces are the networks of the pair that have routers, or are announced.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Interfaces []RIPInterface `json:"interfaces"`

	// redistribute are routes that the pair announces besides its interfaces, as for ospf.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	Redistribute []RedistributedRoutes `json:"redistribute,omitempty"`

	// announceDefault announces a default route to the pair.
	// +optional
	AnnounceDefault bool `json:"announceDefault,omitempty"`
}

// RIPInterface is a network of the pair with RIPv2.
type RIPInterface struct {
	// name is the name of the network.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="an interface must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in wan"
	Name string `json:"name"`

	// passive announces the network, and nothing on it.
	// +optional
	Passive bool `json:"passive,omitempty"`

	// authentication authenticates packets by keyed MD5 (RFC 2082). All routers of the network must have the same.
	// +optional
	Authentication *RoutingKey `json:"authentication,omitempty"`
}

// RIPng configures RIPng.
type RIPng struct {
	// interfaces are the networks of the pair that have routers, or are announced.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Interfaces []RIPngInterface `json:"interfaces"`

	// redistribute are routes that the pair announces besides its interfaces, as for ospf.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	Redistribute []RedistributedRoutes `json:"redistribute,omitempty"`

	// announceDefault announces a default route to the pair.
	// +optional
	AnnounceDefault bool `json:"announceDefault,omitempty"`
}

// RIPngInterface is a network of the pair with RIPng.
type RIPngInterface struct {
	// name is the name of the network.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="an interface must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in wan"
	Name string `json:"name"`

	// passive announces the network, and nothing on it.
	// +optional
	Passive bool `json:"passive,omitempty"`
}

// BGP configures BGP.
type BGP struct {
	// asn is the number of the pair's autonomous system.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4294967294
	ASN int64 `json:"asn"`

	// neighbours are the routers that the pair exchanges routes with.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Neighbours []BGPNeighbour `json:"neighbours"`

	// networks are announced to neighbours, whether or not the pair has a route to them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self)",message="a network must be a prefix, as in 192.168.50.0/24 or 2001:db8:50::/48"
	Networks []string `json:"networks,omitempty"`

	// redistribute are routes that the pair announces besides networks, as for ospf.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	Redistribute []RedistributedRoutes `json:"redistribute,omitempty"`
}

// BGPNeighbour is a router that the pair exchanges routes with. Routes of a neighbour in another autonomous system are
// only accepted as accept allows, and only announced as announce allows (RFC 8212).
//
// +kubebuilder:validation:XValidation:rule="!isIP(self.address) || !isIP(self.localAddress) || ip(self.address).family() == ip(self.localAddress).family()",fieldPath=.localAddress,message="localAddress must have the address family of address"
type BGPNeighbour struct {
	// address of the neighbour. Its family is that of the routes that are exchanged.
	// +required
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="address must be an IPv4 or IPv6 address without a prefix length, as in 203.0.113.9 or 2001:db8::9"
	Address string `json:"address"`

	// localAddress is the virtual address by which the neighbour knows the pair.
	// +required
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="localAddress must be an IPv4 or IPv6 address without a prefix length, as in 203.0.113.1 or 2001:db8::1"
	LocalAddress string `json:"localAddress"`

	// asn is the number of the neighbour's autonomous system.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=4294967294
	ASN int64 `json:"asn"`

	// passwordKey is the key in the Secret of the pair's spec.dynamicRouting with the password of the connection
	// (RFC 2385). Its value has at most 80 printable characters of ASCII without spaces.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	PasswordKey string `json:"passwordKey,omitempty"`

	// hops is how many hops a neighbour in another autonomous system may be away. Without it, 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=255
	Hops int32 `json:"hops,omitempty"`

	// holdSeconds is after how long without messages the neighbour is gone. Without it, 180. The time between messages is
	// a third.
	// +optional
	// +kubebuilder:validation:Minimum=3
	// +kubebuilder:validation:Maximum=65535
	HoldSeconds int32 `json:"holdSeconds,omitempty"`

	// accept are the prefixes that are accepted from the neighbour, and announce those that are announced to it. A prefix
	// stands for itself and all longer ones in it; 0.0.0.0/0 and ::/0 for all.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self)",message="must be a prefix, as in 10.0.0.0/8 or 2001:db8::/32"
	Accept []string `json:"accept,omitempty"`

	// announce are the prefixes that are announced to the neighbour, as in accept.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self)",message="must be a prefix, as in 192.168.50.0/24 or 2001:db8:50::/48"
	Announce []string `json:"announce,omitempty"`
}
