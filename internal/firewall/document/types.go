package document

import "net/netip"

// The two fields by which a document says what it is.
const (
	APIVersion = "firewall.hapair.io/v1alpha1"
	Kind       = "FirewallConfiguration"
)

// ZoneFirewall is the reserved name of the unit itself; a policy to it lets traffic in to the unit's own addresses.
const ZoneFirewall = "firewall"

// Document is the whole configuration of the firewall. One that Parse returned is valid in itself: every name in it is
// defined, and every rule can match.
type Document struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	// Zones are groups of interfaces that policies speak of. Only traffic of these interfaces is filtered.
	Zones []Zone `json:"zones"`
	// Addresses and Services are the objects that policies and translations name.
	Addresses []Address `json:"addresses,omitempty"`
	Services  []Service `json:"services,omitempty"`
	// Policies decide about new connections, the first that matches. What none matches is dropped.
	Policies []Policy `json:"policies,omitempty"`
	// SourceNAT and DestinationNAT translate new connections, each by the first entry that matches.
	SourceNAT      []SourceNAT      `json:"sourceNAT,omitempty"`
	DestinationNAT []DestinationNAT `json:"destinationNAT,omitempty"`
	// Logging is of packets that no policy speaks of.
	Logging Logging `json:"logging,omitzero"`
}

// Zone is a group of interfaces that are trusted alike.
type Zone struct {
	Name       string   `json:"name"`
	Interfaces []string `json:"interfaces"`
}

// Address is a named set of addresses, of one family or of both.
type Address struct {
	Name    string  `json:"name"`
	Members []Block `json:"members"`
}

// Service is a named protocol, with the ports that it is reached on.
type Service struct {
	Name     string   `json:"name"`
	Protocol Protocol `json:"protocol"`
	// Ports are the destination ports; all when empty. Only TCP, UDP and SCTP have them.
	Ports []PortRange `json:"ports,omitempty"`
}

// Policy decides about new connections between zones.
type Policy struct {
	Name string `json:"name"`
	// From and To are the zones that a connection comes from and goes to. To may be the unit itself, ZoneFirewall.
	From []string `json:"from"`
	To   []string `json:"to"`
	// Source and Destination name address objects, Services service objects; any when empty. The destination is the
	// one after translation.
	Source      []string `json:"source,omitempty"`
	Destination []string `json:"destination,omitempty"`
	Services    []string `json:"services,omitempty"`
	Action      Action   `json:"action"`
	// Log writes a line for each new connection that matches, within a rate limit.
	Log bool `json:"log,omitempty"`
}

// SourceNAT gives connections that leave to a zone another source address.
type SourceNAT struct {
	Name string `json:"name"`
	To   string `json:"to"`
	// Source and Destination name address objects; any when empty.
	Source      []string `json:"source,omitempty"`
	Destination []string `json:"destination,omitempty"`
	// Address is the new source, as a rule a virtual address of the pair in the zone.
	Address netip.Addr `json:"address"`
}

// DestinationNAT sends connections from a zone to another destination.
type DestinationNAT struct {
	Name string `json:"name"`
	From string `json:"from"`
	// Destination is the address that was dialled, as a rule a virtual address of the pair in the zone.
	Destination netip.Addr `json:"destination"`
	// Service names the service object that is translated.
	Service string `json:"service"`
	// ToAddress is the new destination, ToPort the new port; the port stays when it is 0.
	ToAddress netip.Addr `json:"toAddress"`
	ToPort    uint16     `json:"toPort,omitempty"`
}

// Logging is of packets that no policy speaks of.
type Logging struct {
	// Dropped logs what is dropped for want of a policy or because it is invalid, within a rate limit.
	Dropped bool `json:"dropped,omitempty"`
}
