package v1alpha1

// FirewallDHCPv6 tells hosts servers and domains by DHCPv6 (stateless, RFC 8415, section 6.1). The active unit answers.
// It needs no policy. Hosts have their addresses by router advertisements, which also send them here.
type FirewallDHCPv6 struct {
	// networks are the networks of the hosts, each once.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Networks []DHCPv6Network `json:"networks"`
}

// DHCPv6Network is a network whose hosts are answered.
//
// +kubebuilder:validation:XValidation:rule="has(self.dnsServers) || has(self.searchDomains) || has(self.ntpServers)",fieldPath=.dnsServers,message="dnsServers, searchDomains or ntpServers must be set, since hosts would learn nothing"
type DHCPv6Network struct {
	// interface is the network of the pair on whose link the hosts are.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="an interface must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in lan"
	Interface string `json:"interface"`

	// address is a virtual link-local address of the network, from which hosts are answered.
	// +required
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip(self).family() == 6 && ip(self).isLinkLocalUnicast()",message="address must be a virtual link-local IPv6 address of the pair, as in fe80::1"
	Address string `json:"address"`

	// dnsServers are the addresses of DNS servers, the best first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MaxLength=39
	// +kubebuilder:validation:items:XValidation:rule="isIP(self) && ip(self).family() == 6 && (ip(self).isGlobalUnicast() || ip(self).isLinkLocalUnicast())",message="a DNS server must be an IPv6 address, as in 2001:db8::53"
	DNSServers []string `json:"dnsServers,omitempty"`

	// searchDomains are the domains in which hosts look up names.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:XValidation:rule="self.matches('^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')",message="a search domain must be a DNS name in lower case without a dot at its end, as in example.com"
	SearchDomains []string `json:"searchDomains,omitempty"`

	// ntpServers are the addresses of time servers, the best first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MaxLength=39
	// +kubebuilder:validation:items:XValidation:rule="isIP(self) && ip(self).family() == 6 && (ip(self).isGlobalUnicast() || ip(self).isLinkLocalUnicast())",message="an NTP server must be an IPv6 address, as in 2001:db8::123"
	NTPServers []string `json:"ntpServers,omitempty"`

	// refreshSeconds is how long hosts wait until they ask again. The default is 86400, a day.
	// +optional
	// +kubebuilder:validation:Minimum=600
	// +kubebuilder:validation:Maximum=31536000
	RefreshSeconds int32 `json:"refreshSeconds,omitempty"`
}
