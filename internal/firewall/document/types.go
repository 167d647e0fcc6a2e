package document

import "net/netip"

// The type of the Kubernetes object that carries a document as its spec.
const (
	APIVersion = "hapair.io/v1alpha1"
	Kind       = "FirewallConfiguration"
)

// ZoneFirewall is the reserved zone that stands for the unit itself. A policy to it admits traffic to the unit's own
// addresses.
const ZoneFirewall = "firewall"

// Document is the configuration of the firewall: the spec of a FirewallConfiguration. Parse returns only documents that
// are valid in themselves: every name is defined, and every rule can match.
type Document struct {
	// Zones are groups of interfaces. Only traffic of these interfaces is filtered.
	Zones []Zone `json:"zones"`
	// Addresses and Services are the objects that policies and translations refer to.
	Addresses []Address `json:"addresses,omitempty"`
	Services  []Service `json:"services,omitempty"`
	// Policies decide about new connections. The first match decides, and a connection without a match is dropped.
	Policies []Policy `json:"policies,omitempty"`
	// SourceNAT and DestinationNAT translate new connections, each by the first entry that matches.
	SourceNAT      []SourceNAT      `json:"sourceNAT,omitempty"`
	DestinationNAT []DestinationNAT `json:"destinationNAT,omitempty"`
	// Resolvers are asked for the addresses of DNS names, in this order. Without them those of the pod are asked.
	Resolvers []netip.Addr `json:"resolvers,omitempty"`
	// Routing is where packets are sent.
	Routing Routing `json:"routing,omitzero"`
	// WAN is how connections are distributed over several links; not at all if it is empty.
	WAN WAN `json:"wan,omitzero"`
	// Neighbours are entries of the neighbour tables that both units have.
	Neighbours []Neighbour `json:"neighbours,omitempty"`
	// Multicast is which multicast the unit forwards; none if it is empty.
	Multicast Multicast `json:"multicast,omitzero"`
	// DHCP is to which hosts the unit gives addresses; none if it is empty.
	DHCP DHCP `json:"dhcp,omitzero"`
	// DHCPv6 is to which hosts the unit tells servers and domains by DHCPv6; none if it is empty.
	DHCPv6 DHCPv6 `json:"dhcpv6,omitzero"`
	// RouterAdvertisements is to which hosts the unit is a router that they find by themselves; none if it is empty.
	RouterAdvertisements RouterAdvertisements `json:"routerAdvertisements,omitzero"`
	// DNS is for which hosts the unit looks up names; none if it is empty.
	DNS DNS `json:"dns,omitzero"`
	// VPN has the tunnels to other sites.
	VPN VPN `json:"vpn,omitzero"`
	// Logging controls the log of packets that no policy matched.
	Logging Logging `json:"logging,omitzero"`
}

// object is the Kubernetes object around a document.
type object struct {
	APIVersion string   `json:"apiVersion"`
	Kind       string   `json:"kind"`
	Metadata   ignored  `json:"metadata,omitzero"`
	Spec       Document `json:"spec"`
	Status     ignored  `json:"status,omitzero"`
}

// ignored is a field of any content. It lets Parse read an object as kubectl get prints it.
type ignored struct{}

// Zone is a group of interfaces that are trusted alike.
type Zone struct {
	Name       string   `json:"name"`
	Interfaces []string `json:"interfaces"`
	// SourceValidation is how strictly the source of packets from the zone is checked; Strict if empty.
	SourceValidation SourceValidation `json:"sourceValidation,omitempty"`
	// MSSClamping is whether TCP connections through the zone are limited to segments that fit; Enabled if empty.
	MSSClamping MSSClamping `json:"mssClamping,omitempty"`
	// MTU is the length of the longest packet that the paths of the zone carry. If 0, it is that of each interface.
	MTU uint16 `json:"mtu,omitempty"`
}

// Address is a named set of addresses, of one family or of both.
type Address struct {
	Name    string  `json:"name"`
	Members []Block `json:"members,omitempty"`
	// FQDN are DNS names, whose addresses the active unit looks up.
	FQDN []string `json:"fqdn,omitempty"`
	// Dynamic lets policies and providers add addresses.
	Dynamic bool `json:"dynamic,omitempty"`
}

// IsDynamic reports whether the kernel has addresses of the object that the document does not have.
func (a Address) IsDynamic() bool { return a.Dynamic || len(a.FQDN) > 0 }

// Service is a named protocol, with the ports at which it is reached.
type Service struct {
	Name     string   `json:"name"`
	Protocol Protocol `json:"protocol"`
	// Ports are the destination ports; all of them when empty. Only TCP, UDP and SCTP have ports.
	Ports []PortRange `json:"ports,omitempty"`
	// Helper reads the connections of the service. If empty, it is FTP for exactly TCP port 21, and otherwise none.
	Helper Helper `json:"helper,omitempty"`
}

// SourceNAT gives connections that leave to a zone another source address.
type SourceNAT struct {
	Name string `json:"name"`
	To   string `json:"to"`
	// Source and Destination refer to address objects. An empty list matches everything.
	Source      []string `json:"source,omitempty"`
	Destination []string `json:"destination,omitempty"`
	// Address is the new source, usually a virtual address of the pair in the zone.
	Address netip.Addr `json:"address"`
}

// DestinationNAT sends connections from a zone to another destination.
type DestinationNAT struct {
	Name string `json:"name"`
	From string `json:"from"`
	// Destination is the address that clients connect to, usually a virtual address of the pair in the zone.
	Destination netip.Addr `json:"destination"`
	// Service refers to the service object that clients connect to.
	Service string `json:"service"`
	// ToAddress is the new destination, and ToPort the new port. A ToPort of 0 leaves the port as it is.
	ToAddress netip.Addr `json:"toAddress"`
	ToPort    uint16     `json:"toPort,omitempty"`
}

// Logging controls the log of packets that no policy matched.
type Logging struct {
	// Dropped logs packets that no policy accepts and invalid packets, within a rate limit.
	Dropped bool `json:"dropped,omitempty"`
}
