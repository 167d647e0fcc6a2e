package multicast

import (
	"net/netip"
	"slices"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// address is one that the unit has on an interface. A virtual one is the same on both units.
type address struct {
	netip.Addr
	isVirtual bool
}

// addressesOf returns the usable addresses of an interface in the table of all, sorted. The sidecar adds virtual ones
// without a route to their network.
func addressesOf(index int, table []rtnetlink.Address) (addresses []address) {
	for _, a := range table {
		if a.Index == index && !a.Detecting && !a.Duplicate {
			addresses = append(addresses, address{a.Prefix.Addr(), !a.Routed})
		}
	}
	slices.SortFunc(addresses, func(a, b address) int { return a.Compare(b.Addr) })
	return addresses
}

// source returns the address from which the unit sends in a family: the lowest virtual one, or else the lowest one. So
// both units are the same querier, however many addresses the interface has. MLD is sent from a link-local address
// (RFC 3810, 5). The result is not valid without such an address.
func (d device) source(ipv6 bool) netip.Addr {
	candidates := slices.DeleteFunc(slices.Clone(d.addresses), func(a address) bool {
		return a.Is6() != ipv6 || ipv6 && !a.IsLinkLocalUnicast()
	})
	if len(candidates) == 0 {
		return netip.Addr{}
	}
	lowest := max(slices.IndexFunc(candidates, func(a address) bool { return a.isVirtual }), 0)
	return candidates[lowest].Addr
}
