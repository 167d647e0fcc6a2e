package v1alpha1

// FirewallDNS looks up DNS names for the hosts of the pair's networks. The active unit answers, at virtual addresses of
// the pair. It needs no policy.
type FirewallDNS struct {
	// listeners are the addresses at which hosts ask. Only the hosts that they name are answered.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Listeners []DNSListener `json:"listeners"`

	// upstreams are the DNS servers that the active unit asks, in this order, until one answers.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Upstreams []DNSUpstream `json:"upstreams"`

	// forwarding has DNS servers of their own for the names of some domains.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Forwarding []DNSForwarding `json:"forwarding,omitempty"`

	// localDomains are domains that no other server is asked about. A name in them that neither records nor leases have
	// does not exist.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')",message="a domain must be a DNS name in lower case without a dot at its end, as in example.com"
	LocalDomains []string `json:"localDomains,omitempty"`

	// records are names that the pair knows itself.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1024
	Records []DNSRecord `json:"records,omitempty"`

	// leaseNames is whether hosts with a lease of the pair's DHCP server are known by their names, in the domain of their
	// network. The default is Enabled.
	// +optional
	// +kubebuilder:validation:Enum=Enabled;Disabled
	LeaseNames string `json:"leaseNames,omitempty"`

	// randomCase is whether names are spelled in random case when upstreams are asked, which makes answers harder to
	// forge. Servers that change the case are asked again by TCP. The default is Disabled.
	// +optional
	// +kubebuilder:validation:Enum=Enabled;Disabled
	RandomCase string `json:"randomCase,omitempty"`

	// cache is how long answers are used again.
	// +optional
	Cache DNSCache `json:"cache,omitzero"`
}

// DNSListener is an address at which hosts ask for names.
//
// +kubebuilder:validation:XValidation:rule="!isIP(self.address) || self.clients.all(c, !isCIDR(c) || cidr(c).ip().family() == ip(self.address).family())",fieldPath=.clients,message="clients must be of the address family of the address"
type DNSListener struct {
	// interface is the network of the pair on which the hosts reach the address.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="an interface must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in lan"
	Interface string `json:"interface"`

	// address is a virtual address of that network.
	// +required
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip(self).isGlobalUnicast()",message="address must be a virtual address of the pair, as in 192.168.50.1 or fd50::1"
	Address string `json:"address"`

	// clients are the prefixes of the hosts that are answered, as in 192.168.50.0/24. Others are dropped.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self) && cidr(self).masked() == cidr(self) && cidr(self).prefixLength() >= (cidr(self).ip().family() == 4 ? 8 : 7)",message="clients must be prefixes of your networks, of at least 8 bits for IPv4 and 7 bits for IPv6, as in 192.168.50.0/24"
	Clients []string `json:"clients"`
}

// DNSUpstream is a DNS server that the active unit asks, by the routes of the traffic that the pair forwards.
//
// +kubebuilder:validation:XValidation:rule="!has(self.source) || !isIP(self.source) || !isIP(self.address) || ip(self.source).family() == ip(self.address).family()",fieldPath=.source,message="source must be of the address family of the address"
type DNSUpstream struct {
	// address is that of the server.
	// +required
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip(self).isGlobalUnicast()",message="address must be the unicast address of a server, as in 192.0.2.53 or 2001:db8::53"
	Address string `json:"address"`

	// port is that of the server. The default is 53.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// protocol is UDP, with TCP for long answers, or TCP for all. The default is UDP.
	// +optional
	// +kubebuilder:validation:Enum=UDP;TCP
	Protocol string `json:"protocol,omitempty"`

	// source is the virtual address from which the server is asked. Without it, the kernel chooses an address of the
	// interface that the route leads to.
	// +optional
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip(self).isGlobalUnicast()",message="source must be a virtual address of the pair, as in 203.0.113.1"
	Source string `json:"source,omitempty"`

	// timeoutMilliseconds is how long the server has for an answer, before the next one is asked. The default is 1000.
	// +optional
	// +kubebuilder:validation:Minimum=50
	// +kubebuilder:validation:Maximum=4000
	TimeoutMilliseconds int32 `json:"timeoutMilliseconds,omitempty"`
}

// DNSForwarding is which servers are asked for the names of some domains.
type DNSForwarding struct {
	// domains are the domains, with all names in them. The longest domain of a name decides.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')",message="a domain must be a DNS name in lower case without a dot at its end, as in example.com"
	Domains []string `json:"domains"`

	// upstreams are the servers, asked in this order until one answers.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Upstreams []DNSUpstream `json:"upstreams"`
}

// DNSRecord is a name that the pair knows. Each of its addresses also leads back to the first name that has it (PTR).
//
// +kubebuilder:validation:XValidation:rule="has(self.addresses) != has(self.alias)",fieldPath=.addresses,message="either addresses or alias must be set"
type DNSRecord struct {
	// name is the full name, as in nas.example.com.
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')",message="name must be a DNS name in lower case without a dot at its end, as in nas.example.com"
	Name string `json:"name"`

	// addresses are those of the host, of both families.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=39
	// +kubebuilder:validation:items:XValidation:rule="isIP(self) && ip(self).isGlobalUnicast()",message="an address must be the unicast address of a host, as in 192.168.50.20 or fd50::20"
	Addresses []string `json:"addresses,omitempty"`

	// alias is the full name that this one stands for (CNAME), of the pair or not.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')",message="alias must be a DNS name in lower case without a dot at its end, as in nas.example.com"
	Alias string `json:"alias,omitempty"`
}

// DNSCache is how long answers are used again. It is not replicated: a new active begins with an empty one.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minSeconds) || !has(self.maxSeconds) || self.minSeconds <= self.maxSeconds",fieldPath=.minSeconds,message="minSeconds must not be more than maxSeconds"
type DNSCache struct {
	// entries is how many answers are kept. The default is 10000.
	// +optional
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=100000
	Entries int32 `json:"entries,omitempty"`

	// minSeconds is how long answers are kept at least, whatever lifetime they have.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	MinSeconds int32 `json:"minSeconds,omitempty"`

	// maxSeconds is how long answers are kept at most. The default is 86400, a day.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=604800
	MaxSeconds int32 `json:"maxSeconds,omitempty"`

	// negativeSeconds is for how long at most it is remembered that a name does not exist. The default is 900.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=604800
	NegativeSeconds int32 `json:"negativeSeconds,omitempty"`
}
