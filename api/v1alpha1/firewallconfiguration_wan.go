package v1alpha1

// FirewallWAN distributes new connections over several links to the Internet. A connection keeps its link. The links
// are the default routes of their address families. Translations and policies follow the zone of the link's interface.
type FirewallWAN struct {
	// distribution is what chooses a link for a new connection. PerConnection gives connections to the links in turn, by
	// their weights, and is the default. PerSource gives all connections of a host the same link while that is up.
	// +optional
	Distribution LinkDistribution `json:"distribution,omitempty"`

	// links are the links to the Internet.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Links []WANLink `json:"links"`
}

// LinkDistribution is what chooses one of several links.
//
// +kubebuilder:validation:Enum=PerConnection;PerSource
type LinkDistribution string

// WANLink is a link to the Internet.
//
// +kubebuilder:validation:XValidation:rule="self.gateways.size() < 2 || !self.gateways.all(g, isIP(g)) || ip(self.gateways[0]).family() != ip(self.gateways[1]).family()",fieldPath=.gateways,message="gateways must have one address of each family at most; make another link of the second one"
// +kubebuilder:validation:XValidation:rule="!has(self.monitors) || self.monitors.all(m, !isIP(m.host) || self.gateways.exists(g, isIP(g) && ip(g).family() == ip(m.host).family()))",fieldPath=.monitors,message="each monitor must have the address family of a gateway; add a gateway, or monitor another address"
// +kubebuilder:validation:XValidation:rule="(has(self.timeoutMilliseconds) ? self.timeoutMilliseconds : 500) < (has(self.intervalMilliseconds) ? self.intervalMilliseconds : 1000)",fieldPath=.timeoutMilliseconds,message="timeoutMilliseconds must be less than intervalMilliseconds; they are 500 and 1000 by default"
type WANLink struct {
	// name of the link, in logs, in metrics and for the other unit.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",message="a name must begin with a letter, have only a-z, 0-9 and '-', and not end with '-', as in fibre"
	Name string `json:"name"`

	// interface is the network of the pair that the link is on.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="an interface must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in wan"
	Interface string `json:"interface"`

	// gateways are the addresses of the provider's routers, at most one of each family. Each must be on the network of
	// the interface, be the destination of a route with an interface and no next hop, or be a link-local IPv6 address.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	// +kubebuilder:validation:items:MaxLength=39
	// +kubebuilder:validation:items:XValidation:rule="isIP(self) && (ip(self).isGlobalUnicast() || ip(self).isLinkLocalUnicast())",message="a gateway must be the unicast address of a router, without a prefix length, as in 203.0.113.254 or fe80::1"
	Gateways []string `json:"gateways"`

	// weight is the share of the link in new connections, relative to the weights of the others. Without it, 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=255
	Weight int32 `json:"weight,omitempty"`

	// backup keeps connections from the link while a link without it is up.
	// +optional
	Backup bool `json:"backup,omitempty"`

	// monitors are hosts on the Internet that the active unit probes by the link. The link is up while one of them
	// answers and its interface has a carrier. Without monitors, the carrier alone counts.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	Monitors []WANMonitor `json:"monitors,omitempty"`

	// intervalMilliseconds is the time between two probes of a monitor. Without it, 1000.
	// +optional
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=60000
	IntervalMilliseconds int32 `json:"intervalMilliseconds,omitempty"`

	// timeoutMilliseconds is how long a probe waits for its answer. Without it, 500.
	// +optional
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=30000
	TimeoutMilliseconds int32 `json:"timeoutMilliseconds,omitempty"`

	// failureThreshold is how many probes in a row must fail before a monitor counts as not reached. Without it, 3.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	FailureThreshold int32 `json:"failureThreshold,omitempty"`

	// successThreshold is how many probes in a row must succeed before a monitor counts as reached again. Without it, 2.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	SuccessThreshold int32 `json:"successThreshold,omitempty"`
}

// WANMonitor is a host that is probed by a link.
//
// +kubebuilder:validation:XValidation:rule="(has(self.type) && self.type == 'TCP') == has(self.port)",fieldPath=.port,message="port must be set with type: TCP, and with no other"
type WANMonitor struct {
	// type is how the host is probed: by an ICMP echo request, the default, or by opening a TCP connection.
	// +optional
	Type WANMonitorType `json:"type,omitempty"`

	// host is the address of the host.
	// +required
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self) && (ip(self).isGlobalUnicast() || ip(self).family() == 4 && ip(self).isLinkLocalUnicast())",message="host must be the unicast address of a host on the Internet, as in 192.0.2.1 or 2001:db8::1"
	Host string `json:"host"`

	// port is the port of type TCP.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// WANMonitorType is how a monitor is probed.
//
// +kubebuilder:validation:Enum=ICMP;TCP
type WANMonitorType string
