package plan

import (
	"net/netip"
	"slices"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// Connection is what the kernel knows of a connection. The ports are 0 if the protocol has none.
type Connection struct {
	// Mark is the mark that the ruleset gave it.
	Mark     uint32
	Protocol uint8
	// ICMPType is the type of the message that began an exchange of ICMP or ICMPv6.
	ICMPType uint8
	// From and To are its ends as the host sees them that opened it.
	From, To netip.AddrPort
	// TranslatedFrom and TranslatedTo are its ends as the other host sees them.
	TranslatedFrom, TranslatedTo netip.AddrPort
}

// HasPath reports whether the ruleset recorded the path of a connection. It does so for what it accepts from a zone. It
// did not for connections of the unit itself, for those of interfaces that were in no zone, and for those that another
// program or an earlier version let in.
func (c Connection) HasPath() bool { return c.Mark&markPath != 0 }

// Revalidation decides which existing connections a document would still allow and translate as they are. It gives the
// answer of the ruleset for the first packet of the connection. The kernel asks the ruleset only about new connections.
type Revalidation struct {
	document document.Document
	// paths has the zones that each mark stands for. Two paths can have one mark, in rare cases.
	paths map[uint32][]zones
	// zones has the zone of each interface.
	zones map[string]string
	// policies has the policies between two zones, in their order.
	policies map[zones][]document.Policy
	hosts    map[string][]ruleset.AddressRun
	// dynamic has the objects with addresses that the document does not have.
	dynamic  map[string]bool
	services map[string]document.Service
	// links has the marks of the links; none without links.
	links map[uint32]bool
}

// zones are the zones that a connection comes from and goes to.
type zones struct{ from, to string }

// Revalidate returns the decisions of a valid document.
func Revalidate(d document.Document) *Revalidation {
	d = withDNS(d)
	r := &Revalidation{
		document: d,
		paths:    map[uint32][]zones{}, zones: map[string]string{}, policies: map[zones][]document.Policy{},
		hosts: map[string][]ruleset.AddressRun{}, dynamic: map[string]bool{}, services: map[string]document.Service{},
		links: map[uint32]bool{},
	}
	for _, number := range LinkNumbers(d.WAN) {
		r.links[LinkMark(number)] = true
	}
	for _, from := range d.Zones {
		for _, in := range from.Interfaces {
			r.zones[in] = from.Name
			r.addPath(in, "", zones{from.Name, zoneFirewall})
			for _, to := range d.Zones {
				for _, out := range to.Interfaces {
					r.addPath(in, out, zones{from.Name, to.Name})
				}
			}
		}
	}
	for _, p := range d.Policies {
		for _, from := range p.From {
			for _, to := range p.To {
				r.policies[zones{from, to}] = append(r.policies[zones{from, to}], p)
			}
		}
	}
	for _, a := range d.Addresses {
		// The families need no separation: every IPv4 address is less than every IPv6 address.
		r.hosts[a.Name] = mergeBlocks(a.Members)
		r.dynamic[a.Name] = a.IsDynamic()
	}
	for _, s := range d.Services {
		r.services[s.Name] = s
	}
	return r
}

func (r *Revalidation) addPath(in, out string, z zones) {
	mark := PathMark(in, out)
	r.paths[mark] = append(r.paths[mark], z)
}

// Allows reports whether a connection with a path may go on.
func (r *Revalidation) Allows(c Connection) bool {
	isAllowed := func(z zones) bool { return r.allowsBetween(z, c) }
	return c.Mark&MarkKeep != 0 || !r.hasLostLink(c) && slices.ContainsFunc(r.paths[c.Mark&markPath], isAllowed)
}

// hasLostLink reports whether a connection belongs to a link that the document no longer has. Its packets would leave
// by another link, with an address of the lost one.
func (r *Revalidation) hasLostLink(c Connection) bool {
	mark := c.Mark & contract.LinkMask
	return len(r.links) > 0 && mark != 0 && !r.links[mark]
}

// AllowsWithoutPath reports whether a connection without a path may go on. It needs the unit's own addresses, each with
// its interface.
//
// A connection that the unit opened may. One to the unit is judged by the zone of the address. One between other hosts
// may go on if any two zones allow it, since a document forwards between zones alone.
func (r *Revalidation) AllowsWithoutPath(c Connection, own map[netip.Addr]string) bool {
	if _, opened := own[c.From.Addr()]; opened || c.Mark&MarkKeep != 0 || c.To.Addr().IsMulticast() {
		return true
	}
	if in, isUnit := own[c.TranslatedTo.Addr()]; isUnit {
		zone, hasZone := r.zones[in]
		return !hasZone || r.allowsBetween(zones{zone, zoneFirewall}, c)
	}
	for z := range r.policies {
		if z.to != zoneFirewall && r.allowsBetween(z, c) {
			return true
		}
	}
	return false
}

// allowsBetween reports whether a connection between two zones may go on.
func (r *Revalidation) allowsBetween(z zones, c Connection) bool {
	for _, p := range r.policies[z] {
		switch r.match(p, c) {
		case isExcluded:
		case isPossible:
			if r.allowedBy(p, z, c) {
				return true
			}
		case isMatched:
			return r.allowedBy(p, z, c)
		}
	}
	return false
}

// certainty is whether a policy matches a connection.
type certainty uint8

const (
	isExcluded certainty = iota
	// isPossible means that a dynamic object decides. It may have had the address when the connection began, and not have
	// it any more. Such a policy may allow a connection, but ends none.
	isPossible
	isMatched
)

// match reports whether a policy matches a connection.
func (r *Revalidation) match(p document.Policy, c Connection) certainty {
	if !r.hasService(p.Services, c.Protocol, c.ICMPType, c.TranslatedTo.Port()) {
		return isExcluded
	}
	return min(r.matchEnd(p.Source, c.From.Addr()), r.matchEnd(p.Destination, c.TranslatedTo.Addr()))
}

// matchEnd reports whether address objects have an address.
func (r *Revalidation) matchEnd(objects []string, a netip.Addr) certainty {
	switch {
	case r.hasHost(objects, a):
		return isMatched
	case slices.ContainsFunc(objects, func(name string) bool { return r.dynamic[name] }):
		return isPossible
	default:
		return isExcluded
	}
}

// allowedBy reports whether a connection may go on if a policy decides about it.
func (r *Revalidation) allowedBy(p document.Policy, z zones, c Connection) bool {
	if p.OnChange == document.Keep {
		return true
	}
	return p.Action == document.Accept && c.TranslatedTo == r.destination(z.from, c) &&
		(z.to == zoneFirewall || c.TranslatedFrom.Addr() == r.source(z.to, c))
}

// destination returns where a new connection from a zone to the same destination would go.
func (r *Revalidation) destination(from string, c Connection) netip.AddrPort {
	for _, n := range r.document.DestinationNAT {
		if n.From != from || n.Destination != c.To.Addr() ||
			!r.hasService([]string{n.Service}, c.Protocol, c.ICMPType, c.To.Port()) {
			continue
		}
		port := c.To.Port()
		if n.ToPort != 0 {
			port = n.ToPort
		}
		return netip.AddrPortFrom(n.ToAddress, port)
	}
	return c.To
}

// source returns the source that a new connection to a zone would have. The kernel chooses its port.
func (r *Revalidation) source(to string, c Connection) netip.Addr {
	for _, n := range r.document.SourceNAT {
		if n.To == to && n.Address.Is4() == c.From.Addr().Is4() &&
			r.hasHost(n.Source, c.From.Addr()) && r.hasHost(n.Destination, c.TranslatedTo.Addr()) {
			return n.Address
		}
	}
	return c.From.Addr()
}

// hasHost reports whether address objects have an address. An empty list has all.
func (r *Revalidation) hasHost(objects []string, a netip.Addr) bool {
	return len(objects) == 0 || slices.ContainsFunc(objects, func(name string) bool {
		_, found := slices.BinarySearchFunc(r.hosts[name], a, func(run ruleset.AddressRun, a netip.Addr) int {
			switch {
			case run.Last.Less(a):
				return -1
			case a.Less(run.First):
				return 1
			default:
				return 0
			}
		})
		return found
	})
}

// hasService reports whether service objects have a protocol and port. An empty list has all.
func (r *Revalidation) hasService(objects []string, protocol, icmpType uint8, port uint16) bool {
	return len(objects) == 0 || slices.ContainsFunc(objects, func(name string) bool {
		s := r.services[name]
		if numbers[s.Protocol] != protocol {
			return false
		}
		switch s.Protocol {
		case document.ICMP:
			return icmpType == icmpEchoRequest
		case document.ICMPv6:
			return icmpType == icmpv6EchoRequest
		default:
			return len(s.Ports) == 0 || slices.ContainsFunc(s.Ports, func(p document.PortRange) bool {
				return p.First <= port && port <= p.Last
			})
		}
	})
}

// numbers are the numbers of the protocols of services.
var numbers = map[document.Protocol]uint8{
	document.TCP: uint8(ruleset.TCP), document.UDP: uint8(ruleset.UDP), document.SCTP: uint8(ruleset.SCTP),
	document.ICMP: uint8(ruleset.ICMP), document.ICMPv6: uint8(ruleset.ICMPv6),
	document.GRE: uint8(ruleset.GRE), document.ESP: uint8(ruleset.ESP), document.AH: uint8(ruleset.AH),
	document.OSPFPackets: uint8(ruleset.OSPF),
}
