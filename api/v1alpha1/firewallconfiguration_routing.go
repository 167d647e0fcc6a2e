package v1alpha1

// FirewallRouting is where a unit sends the packets that it forwards. The networks of the pair need no route. Both
// units have all routes at all times, so that nothing has to be set up when the role changes.
//
// Routes concern traffic interfaces only. The unit reaches its peer and the API server by the routes of its pod.
type FirewallRouting struct {
	// routes are static routes. The most specific destination decides, and the lowest metric among equal destinations.
	// A packet without a route is refused with an ICMP error; it never leaves by the pod's own interface.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4096
	Routes []StaticRoute `json:"routes,omitempty"`

	// policyRoutes are routes for packets that come from a zone, whatever their destination. They are tried in order,
	// before all other routes, and the first that matches decides.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=128
	PolicyRoutes []PolicyRoute `json:"policyRoutes,omitempty"`

	// dynamic exchanges routes with other routers. Without it, the pair has no learned routes.
	// +optional
	Dynamic *DynamicRouting `json:"dynamic,omitempty"`
}

// StaticRoute is a route to one destination.
//
// +kubebuilder:validation:XValidation:rule="(has(self.type) && self.type != 'Unicast') || has(self.via) || has(self.interface)",message="via or interface must be set: the next hop, or the interface on whose link the destination is; set one, or use type: Blackhole"
// +kubebuilder:validation:XValidation:rule="!has(self.type) || self.type == 'Unicast' || !has(self.via)",fieldPath=.via,message="via is used with type: Unicast only; remove it, or the type"
// +kubebuilder:validation:XValidation:rule="!has(self.type) || self.type == 'Unicast' || !has(self.interface)",fieldPath=.interface,message="interface is used with type: Unicast only; remove it, or the type"
// +kubebuilder:validation:XValidation:rule="!has(self.via) || !isIP(self.via) || !isCIDR(self.to) || ip(self.via).family() == cidr(self.to).ip().family()",fieldPath=.via,message="via must have the address family of to; give a next hop of that family"
// +kubebuilder:validation:XValidation:rule="!has(self.via) || !isIP(self.via) || !ip(self.via).isLinkLocalUnicast() || ip(self.via).family() == 4 || has(self.interface)",fieldPath=.interface,message="interface must be set with a link-local next hop, since each link has the same addresses; name the interface"
type StaticRoute struct {
	// name of the route, for messages.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",message="a name must begin with a letter, have only a-z, 0-9 and '-', and not end with '-', as in internet"
	Name string `json:"name"`

	// to is the destination: a prefix, as in 10.20.0.0/16 or 2001:db8:20::/48. The default routes are 0.0.0.0/0 and ::/0.
	// +required
	// +kubebuilder:validation:MaxLength=43
	// +kubebuilder:validation:XValidation:rule="isCIDR(self)",message="to must be an IPv4 or IPv6 prefix, as in 10.20.0.0/16 or 2001:db8:20::/48; the default routes are 0.0.0.0/0 and ::/0"
	// +kubebuilder:validation:XValidation:rule="!isCIDR(self) || cidr(self).masked() == cidr(self)",message="to must have no bits set beyond its prefix length; give the address of the network, as in 10.20.0.0/16"
	// +kubebuilder:validation:XValidation:rule="!isCIDR(self) || cidr(self).ip().isGlobalUnicast() || cidr(self).ip().isUnspecified()",message="to must be a unicast destination that is neither loopback nor link-local, since such packets are not forwarded; give another"
	To string `json:"to"`

	// type is what happens to packets of the route. Unicast forwards them. Blackhole drops them silently. Unreachable
	// answers them with an ICMP error. Without it, Unicast.
	// +optional
	Type RouteType `json:"type,omitempty"`

	// via is the address of the next hop, of the family of to. It must be on a network of the pair, be the destination of
	// a route with an interface and no next hop, or be a link-local IPv6 address.
	// +optional
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="via must be an IPv4 or IPv6 address without a prefix length, as in 203.0.113.254 or fe80::1"
	// +kubebuilder:validation:XValidation:rule="!isIP(self) || ip(self).isGlobalUnicast() || ip(self).isLinkLocalUnicast()",message="via must be a unicast address that is neither loopback nor unspecified; give the address of a router"
	Via string `json:"via,omitempty"`

	// interface is the network of the pair that the route leaves by. It is needed with a link-local next hop, and without
	// a next hop: then the destination itself is on the link.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="an interface must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in wan"
	Interface string `json:"interface,omitempty"`

	// metric decides between routes to the same destination: the lowest one is used, the next one when the interface of
	// the first is down. Without it, 100.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Metric int32 `json:"metric,omitempty"`
}

// RouteType is what happens to the packets of a static route.
//
// +kubebuilder:validation:Enum=Unicast;Blackhole;Unreachable
type RouteType string

// PolicyRoute is a route for packets that come from a zone. It also applies to packets for the other networks of the
// pair. Limit it with destination, or put a policy route of type Exempt before it.
//
// +kubebuilder:validation:XValidation:rule="(has(self.type) && self.type != 'Unicast') || has(self.via) || has(self.interface)",message="via or interface must be set: the next hop, or the interface on whose link the destinations are; set one, or use another type"
// +kubebuilder:validation:XValidation:rule="!has(self.type) || self.type == 'Unicast' || !has(self.via)",fieldPath=.via,message="via is used with type: Unicast only; remove it, or the type"
// +kubebuilder:validation:XValidation:rule="!has(self.type) || self.type == 'Unicast' || !has(self.interface)",fieldPath=.interface,message="interface is used with type: Unicast only; remove it, or the type"
// +kubebuilder:validation:XValidation:rule="!has(self.via) || !isIP(self.via) || !ip(self.via).isLinkLocalUnicast() || ip(self.via).family() == 4 || has(self.interface)",fieldPath=.interface,message="interface must be set with a link-local next hop, since each link has the same addresses; name the interface"
type PolicyRoute struct {
	// name of the policy route, for messages.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",message="a name must begin with a letter, have only a-z, 0-9 and '-', and not end with '-', as in guests-by-cable"
	Name string `json:"name"`

	// from lists the zones that the packets come from.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	From []string `json:"from"`

	// source lists names of address objects. Without it every source matches.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	Source []string `json:"source,omitempty"`

	// destination lists names of address objects, compared with the destination after translation. Without it every
	// destination matches.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	Destination []string `json:"destination,omitempty"`

	// type is what happens to packets of the policy route. Unicast forwards them. Blackhole drops them silently.
	// Unreachable answers them with an ICMP error. Exempt applies no later policy route to them, so that the other routes
	// decide. Without it, Unicast.
	// +optional
	Type PolicyRouteType `json:"type,omitempty"`

	// via is the address of the next hop. The policy route applies to packets of its family. The conditions are those of
	// a static route.
	// +optional
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="via must be an IPv4 or IPv6 address without a prefix length, as in 203.0.113.254 or fe80::1"
	// +kubebuilder:validation:XValidation:rule="!isIP(self) || ip(self).isGlobalUnicast() || ip(self).isLinkLocalUnicast()",message="via must be a unicast address that is neither loopback nor unspecified; give the address of a router"
	Via string `json:"via,omitempty"`

	// interface is the network of the pair that the packets leave by. It is needed with a link-local next hop, and without
	// a next hop: then the destinations are on the link. While it is down, the next match decides.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="an interface must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in wan"
	Interface string `json:"interface,omitempty"`
}

// PolicyRouteType is what happens to the packets of a policy route.
//
// +kubebuilder:validation:Enum=Unicast;Blackhole;Unreachable;Exempt
type PolicyRouteType string
