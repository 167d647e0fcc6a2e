package v1alpha1

// FirewallRouterAdvertisements gives hosts IPv6 prefixes and a default router by router advertisements (RFC 4861). The
// active unit sends them from a virtual link-local address of the pair. It needs no policy.
type FirewallRouterAdvertisements struct {
	// networks are the networks of the hosts, at most one for each network of the pair.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Networks []AdvertisedNetwork `json:"networks"`
}

// AdvertisedNetwork is a network whose hosts get router advertisements.
//
// +kubebuilder:validation:XValidation:rule="!has(self.lifetimeSeconds) || self.lifetimeSeconds >= (has(self.intervalSeconds) ? self.intervalSeconds : 600)",fieldPath=.lifetimeSeconds,message="lifetimeSeconds must be at least intervalSeconds, which is 600 by default, or hosts would lose their router between two advertisements"
// +kubebuilder:validation:XValidation:rule="!has(self.searchDomains) || self.searchDomains.map(d, d.size() + 2).sum() <= 240",fieldPath=.searchDomains,message="searchDomains must have at most 240 bytes together, with two more for each"
type AdvertisedNetwork struct {
	// interface is the network of the pair on whose link the hosts are.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="an interface must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in lan"
	Interface string `json:"interface"`

	// address is a virtual link-local address of the pair in the network, as in fe80::1. Hosts know the pair by it as
	// their router, whichever unit is active.
	// +required
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip(self).family() == 6 && ip(self).isLinkLocalUnicast()",message="address must be a virtual link-local IPv6 address of the pair, as in fe80::1"
	Address string `json:"address"`

	// defaultRouter is whether hosts use the pair as their default router. Enabled is the default.
	// +optional
	DefaultRouter Advertised `json:"defaultRouter,omitempty"`

	// preference is that of the pair among several default routers of the link (RFC 4191). Medium is the default.
	// +optional
	Preference RouterPreference `json:"preference,omitempty"`

	// lifetimeSeconds is how long hosts use the pair as default router after an advertisement. The default is three times
	// intervalSeconds, at most 9000.
	// +optional
	// +kubebuilder:validation:Minimum=4
	// +kubebuilder:validation:Maximum=9000
	LifetimeSeconds int32 `json:"lifetimeSeconds,omitempty"`

	// intervalSeconds is the longest time between two advertisements. The shortest is a third of it. The default is 600.
	// +optional
	// +kubebuilder:validation:Minimum=4
	// +kubebuilder:validation:Maximum=1800
	IntervalSeconds int32 `json:"intervalSeconds,omitempty"`

	// managed tells hosts to get addresses by DHCPv6.
	// +optional
	Managed bool `json:"managed,omitempty"`

	// otherConfiguration tells hosts to get all but addresses by DHCPv6.
	// +optional
	OtherConfiguration bool `json:"otherConfiguration,omitempty"`

	// mtu is the length of the longest packet on the link.
	// +optional
	// +kubebuilder:validation:Minimum=1280
	// +kubebuilder:validation:Maximum=65535
	MTU int32 `json:"mtu,omitempty"`

	// prefixes are the prefixes of the link.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Prefixes []AdvertisedPrefix `json:"prefixes,omitempty"`

	// dnsServers are the IPv6 addresses of DNS servers, the best first (RFC 8106). Hosts use them for three times
	// intervalSeconds after an advertisement.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MaxLength=39
	// +kubebuilder:validation:items:XValidation:rule="isIP(self) && ip(self).family() == 6 && (ip(self).isGlobalUnicast() || ip(self).isLinkLocalUnicast())",message="a DNS server must be an IPv6 address, as in 2001:db8::53"
	DNSServers []string `json:"dnsServers,omitempty"`

	// searchDomains are the domains in which hosts look up names, as in example.com (RFC 8106).
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MaxLength=238
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')",message="a search domain must be a DNS name in lower case without a dot at its end, as in example.com"
	SearchDomains []string `json:"searchDomains,omitempty"`
}

// AdvertisedPrefix is a prefix of a link, as hosts learn it.
//
// +kubebuilder:validation:XValidation:rule="!isCIDR(self.prefix) || (has(self.autonomous) && self.autonomous == 'Disabled') || cidr(self.prefix).prefixLength() == 64",fieldPath=.prefix,message="prefix must have 64 bits unless autonomous is Disabled, since hosts make addresses in no other one"
// +kubebuilder:validation:XValidation:rule="!has(self.preferredSeconds) || self.preferredSeconds <= (has(self.validSeconds) ? self.validSeconds : 2592000)",fieldPath=.preferredSeconds,message="preferredSeconds must be at most validSeconds, which is 2592000 by default, or hosts ignore the prefix"
type AdvertisedPrefix struct {
	// prefix is the prefix, as in 2001:db8:50::/64.
	// +required
	// +kubebuilder:validation:MaxLength=43
	// +kubebuilder:validation:XValidation:rule="isCIDR(self) && cidr(self).ip().family() == 6 && cidr(self).masked() == cidr(self) && cidr(self).ip().isGlobalUnicast()",message="prefix must be an IPv6 prefix that is not link-local, as in 2001:db8:50::/64"
	Prefix string `json:"prefix"`

	// onLink is whether hosts send directly to each other in the prefix. Enabled is the default.
	// +optional
	OnLink Advertised `json:"onLink,omitempty"`

	// autonomous is whether hosts make addresses of their own in the prefix (SLAAC, RFC 4862). Enabled is the default.
	// +optional
	Autonomous Advertised `json:"autonomous,omitempty"`

	// validSeconds is how long hosts may use the prefix after an advertisement. The default is 2592000, 30 days.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=31536000
	ValidSeconds int32 `json:"validSeconds,omitempty"`

	// preferredSeconds is how long hosts begin connections from addresses in the prefix after an advertisement. The
	// default is 604800, 7 days, and at most validSeconds.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=31536000
	PreferredSeconds int32 `json:"preferredSeconds,omitempty"`
}

// Advertised is whether advertisements have a flag that is usual.
//
// +kubebuilder:validation:Enum=Enabled;Disabled
type Advertised string

// RouterPreference is the preference of a default router (RFC 4191).
//
// +kubebuilder:validation:Enum=High;Medium;Low
type RouterPreference string
