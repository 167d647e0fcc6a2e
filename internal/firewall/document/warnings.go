package document

import (
	"fmt"
	"net/netip"
	"slices"
)

// Warnings returns what is valid and probably does not work: translations with an address that the pair does not hold,
// and advertisements that send hosts to a DHCPv6 server that the pair does not have. Held are the virtual addresses of
// the pair, with the prefixes of their segments.
func (d Document) Warnings(held []netip.Prefix) (warnings []Problem) {
	check := func(at path, a netip.Addr, what string) {
		if slices.ContainsFunc(held, func(p netip.Prefix) bool { return p.Addr() == a }) {
			return
		}
		message := fmt.Sprintf("%s is no virtual address of the pair, so %s arrives only if a router sends it to the pair; "+
			"add it to a network unless it is routed", a, what)
		if slices.ContainsFunc(held, func(p netip.Prefix) bool { return p.Contains(a) }) {
			message = fmt.Sprintf("%s is in the prefix of a network but no virtual address, so %s is lost; "+
				"add it to the virtualAddresses of the network", a, what)
		}
		warnings = append(warnings, Problem{Path: string(at), Message: message})
	}
	for i, n := range d.SourceNAT {
		check(spec.field("sourceNAT").index(i).field("address"), n.Address, "an answer to it")
	}
	for i, n := range d.DestinationNAT {
		check(spec.field("destinationNAT").index(i).field("destination"), n.Destination, "a connection to it")
	}
	for i, n := range d.RouterAdvertisements.Networks {
		if n.OtherConfiguration && !d.DHCPv6.serves(n.Interface) {
			at := spec.field("routerAdvertisements").field("networks").index(i).field("otherConfiguration")
			warnings = append(warnings, Problem{Path: string(at), Message: fmt.Sprintf("hosts of %q are sent to a DHCPv6 "+
				"server, and the pair has none for them; add an entry to spec.dhcpv6, unless another server answers", n.Interface)})
		}
	}
	return warnings
}
