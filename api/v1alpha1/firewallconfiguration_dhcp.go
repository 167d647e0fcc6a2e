package v1alpha1

// FirewallDHCP gives hosts IPv4 addresses by DHCP (RFC 2131). The active unit answers, with a virtual address of the
// pair as the address of the server. It needs no policy.
type FirewallDHCP struct {
	// networks are the networks of the hosts.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Networks []DHCPNetwork `json:"networks"`
}

// DHCPNetwork is a network whose hosts get addresses by DHCP. They are on the link of a network of the pair, or behind
// relay agents.
//
// +kubebuilder:validation:XValidation:rule="has(self.ranges) || has(self.reservations)",fieldPath=.ranges,message="ranges or reservations must be set, since the server would have no address to give"
// +kubebuilder:validation:XValidation:rule="has(self.relays) || !isCIDR(self.subnet) || !isIP(self.address) || cidr(self.subnet).containsIP(self.address)",fieldPath=.address,message="address must be in the subnet, unless its hosts are behind relays"
// +kubebuilder:validation:XValidation:rule="!has(self.reservations) || !isCIDR(self.subnet) || self.reservations.all(r, !isIP(r.address) || cidr(self.subnet).containsIP(r.address))",fieldPath=.reservations,message="the addresses of reservations must be in the subnet"
// +kubebuilder:validation:XValidation:rule="!has(self.relays) || !isCIDR(self.subnet) || self.relays.all(r, !isIP(r) || cidr(self.subnet).containsIP(r))",fieldPath=.relays,message="relays must be in the subnet: give the address that each has there"
type DHCPNetwork struct {
	// interface is the network of the pair on whose link the hosts are, or by which their relay agents reach the pair.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z][a-z0-9-]*$')",message="an interface must be named as a network of the pair: a letter first, then a-z, 0-9 and '-', as in lan"
	Interface string `json:"interface"`

	// subnet is the prefix of the hosts' addresses, as in 192.168.50.0/24.
	// +required
	// +kubebuilder:validation:MaxLength=18
	// +kubebuilder:validation:XValidation:rule="isCIDR(self) && cidr(self).ip().family() == 4 && cidr(self).masked() == cidr(self) && cidr(self).prefixLength() <= 30",message="subnet must be an IPv4 prefix of at most 30 bits, as in 192.168.50.0/24"
	Subnet string `json:"subnet"`

	// address is the virtual IPv4 address of the pair that hosts and relays know as the DHCP server.
	// +required
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip(self).family() == 4 && ip(self).isGlobalUnicast()",message="address must be a virtual IPv4 address of the pair, as in 192.168.50.1"
	Address string `json:"address"`

	// ranges have the addresses that any host can get, as in 192.168.50.100-192.168.50.199. All ranges and reservations
	// of the configuration have at most 32768 addresses together.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=33
	// +kubebuilder:validation:items:Pattern=`^[0-9.]+(/[0-9]{1,2}| ?- ?[0-9.]+)?$`
	Ranges []string `json:"ranges,omitempty"`

	// reservations are addresses that one host each gets, and no other one.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=512
	Reservations []DHCPReservation `json:"reservations,omitempty"`

	// relays are the addresses that relay agents have in the subnet, if its hosts are behind relay agents. Only these are
	// answered. Without it, the hosts are on the link of the interface.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=15
	// +kubebuilder:validation:items:XValidation:rule="isIP(self) && ip(self).family() == 4 && ip(self).isGlobalUnicast()",message="a relay must be an IPv4 address, as in 192.168.60.1"
	Relays []string `json:"relays,omitempty"`

	// leaseSeconds is how long a host may use its address until it asks again. Hosts ask after half of it. The default is
	// 3600, an hour.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=2592000
	LeaseSeconds int32 `json:"leaseSeconds,omitempty"`

	// options are what hosts learn besides their address.
	// +optional
	Options DHCPOptions `json:"options,omitzero"`
}

// DHCPReservation is an address for one host.
type DHCPReservation struct {
	// mac is the MAC address of the host, as in 02:00:5e:10:00:77.
	// +required
	// +kubebuilder:validation:MaxLength=17
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$') && self != '00:00:00:00:00:00'",message="mac must be a unicast MAC address, as in 02:00:5e:10:00:77"
	MAC string `json:"mac"`

	// address is the address that the host gets. It can be in a range or not.
	// +required
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip(self).family() == 4",message="address must be an IPv4 address, as in 192.168.50.20"
	Address string `json:"address"`

	// hostname is the name that the host is told, without a domain.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="hostname must have only a-z, 0-9 and '-', and neither begin nor end with '-', as in printer-2"
	Hostname string `json:"hostname,omitempty"`
}

// DHCPOptions are what hosts learn besides their address (RFC 2132).
type DHCPOptions struct {
	// routers are the hosts' default routers. The default is the address of the server, if the hosts are on the link of
	// the interface.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MaxLength=15
	// +kubebuilder:validation:items:XValidation:rule="isIP(self) && ip(self).family() == 4 && ip(self).isGlobalUnicast()",message="a router must be an IPv4 address, as in 192.168.50.1"
	Routers []string `json:"routers,omitempty"`

	// dnsServers are the addresses of DNS servers, the best first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MaxLength=15
	// +kubebuilder:validation:items:XValidation:rule="isIP(self) && ip(self).family() == 4 && ip(self).isGlobalUnicast()",message="a DNS server must be an IPv4 address, as in 192.0.2.53"
	DNSServers []string `json:"dnsServers,omitempty"`

	// domain is the domain in which hosts look up names, as in example.com.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$')",message="domain must be a DNS name in lower case without a dot at its end, as in example.com"
	Domain string `json:"domain,omitempty"`

	// ntpServers are the addresses of time servers, the best first.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MaxLength=15
	// +kubebuilder:validation:items:XValidation:rule="isIP(self) && ip(self).family() == 4 && ip(self).isGlobalUnicast()",message="an NTP server must be an IPv4 address, as in 192.0.2.123"
	NTPServers []string `json:"ntpServers,omitempty"`

	// mtu is the length of the longest packet on the link.
	// +optional
	// +kubebuilder:validation:Minimum=576
	// +kubebuilder:validation:Maximum=65535
	MTU int32 `json:"mtu,omitempty"`

	// captivePortal is the URI of the captive portal's API, which begins with https:// (RFC 8910).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^https://[!-~]+$')",message="captivePortal must be a URI that begins with https://, as in https://portal.example.com/api"
	CaptivePortal string `json:"captivePortal,omitempty"`

	// classlessRoutes are routes for the hosts (RFC 3442). Hosts that read them ignore routers, so the server adds the
	// default route by the first router, unless one is given here.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	ClasslessRoutes []DHCPRoute `json:"classlessRoutes,omitempty"`
}

// DHCPRoute is a route for hosts.
type DHCPRoute struct {
	// to is the destination, as in 10.20.0.0/16.
	// +required
	// +kubebuilder:validation:MaxLength=18
	// +kubebuilder:validation:XValidation:rule="isCIDR(self) && cidr(self).ip().family() == 4 && cidr(self).masked() == cidr(self)",message="to must be an IPv4 prefix, as in 10.20.0.0/16"
	To string `json:"to"`

	// via is the router on the hosts' link.
	// +required
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:XValidation:rule="isIP(self) && ip(self).family() == 4 && ip(self).isGlobalUnicast()",message="via must be the IPv4 address of a router, as in 192.168.50.254"
	Via string `json:"via"`
}
