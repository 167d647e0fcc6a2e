package dataplane

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// Protocols of routes in /etc/iproute2/rt_protos.
const (
	protocolKernel = unix.RTPROT_KERNEL
	protocolRA     = unix.RTPROT_RA
)

const (
	// connectedMetric6 is the metric that the kernel gives connected routes of IPv6. Those of IPv4 have 0.
	connectedMetric6 = 256
	// adoptedMetric is added to the metric of routes that the attachment brought along. Routes of the firewall's document
	// come before them.
	adoptedMetric = 1 << 30
)

// host is what the unit's network namespace has.
type host struct {
	// links are the traffic interfaces, in the order of the options. One that is absent is zero.
	links     []rtnetlink.Link
	addresses []rtnetlink.Address
	routes    []rtnetlink.Route
}

// order returns the place of a traffic interface in the options, or false for another interface.
func (h host) order(index int) (int, bool) {
	n := slices.IndexFunc(h.links, func(l rtnetlink.Link) bool { return l.Index == index && index != 0 })
	return n, n >= 0
}

// control returns the addresses of all interfaces that carry no traffic, except loopback and link-local IPv6 ones.
func (h host) control() []netip.Addr {
	var all []netip.Addr
	for _, a := range h.addresses {
		address := a.Prefix.Addr()
		if _, isTraffic := h.order(a.Index); !isTraffic && !address.IsLoopback() &&
			(address.Is4() || !address.IsLinkLocalUnicast()) {
			all = append(all, address)
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

// connected returns the routes of the data plane's table, besides adopted ones: its unreachable defaults, and for each
// interface that is up the networks of its virtual addresses and of the addresses that it has.
func (h host) connected(networks []Network) []rtnetlink.Route {
	all := []rtnetlink.Route{
		{To: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Type: rtnetlink.Unreachable, Metric: rtnetlink.WorstMetric},
		{To: netip.PrefixFrom(netip.IPv6Unspecified(), 0), Type: rtnetlink.Unreachable, Metric: rtnetlink.WorstMetric},
	}
	for n, l := range h.links {
		if !l.Enabled {
			continue // The kernel accepts no routes of it.
		}
		for _, a := range h.addresses {
			if a.Index == l.Index && a.Permanent && !a.Remote {
				all = append(all, ownRoutes(a.Prefix, l.Index, n, isVirtual(a.Prefix, networks[n]))...)
			}
		}
		for _, a := range networks[n].Addresses {
			all = append(all, connectedRoute(a, l.Index, n))
		}
	}
	return withoutRepeats(all)
}

func isVirtual(a netip.Prefix, n Network) bool {
	return slices.ContainsFunc(n.Addresses, func(v netip.Prefix) bool { return v.Addr() == a.Addr() })
}

// connectedRoute returns the route to the network of an address. Its metric makes it differ from one to the same
// network on another interface.
func connectedRoute(a netip.Prefix, index, order int) rtnetlink.Route {
	r := rtnetlink.Route{To: a.Masked(), Interface: index, Metric: uint32(order)}
	if a.Addr().Is6() {
		r.Metric += connectedMetric6
	}
	return r
}

// ownRoutes returns the routes for an address that the interface has. An own IPv4 address is the preferred source. A
// virtual one is not, since the kernel removes a route together with its preferred source. IPv6 needs none: the kernel
// chooses among the addresses of the interface (RFC 6724).
func ownRoutes(a netip.Prefix, index, order int, virtual bool) []rtnetlink.Route {
	network := connectedRoute(a, index, order)
	if !virtual && a.Addr().Is4() {
		network.Source = a.Addr()
	}
	all := []rtnetlink.Route{network}
	if a.Addr().Is4() && a.Bits() < 31 {
		all = append(all, rtnetlink.Route{
			To: netip.PrefixFrom(broadcastOf(a), 32), Type: rtnetlink.Broadcast, Interface: index, Metric: uint32(order),
		})
	}
	return all
}

// broadcastOf returns the last address of an IPv4 network.
func broadcastOf(network netip.Prefix) netip.Addr {
	a := network.Masked().Addr().As4()
	for bit := network.Bits(); bit < 32; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a)
}

// withoutRepeats keeps one of several routes with the same destination and metric: the first with a source, or else the
// first.
func withoutRepeats(all []rtnetlink.Route) []rtnetlink.Route {
	slices.SortStableFunc(all, func(a, b rtnetlink.Route) int {
		switch {
		case a.Source.IsValid() == b.Source.IsValid():
			return 0
		case a.Source.IsValid():
			return -1
		default:
			return 1
		}
	})
	type key struct {
		to     netip.Prefix
		metric uint32
	}
	seen := map[key]bool{}
	return slices.DeleteFunc(all, func(r rtnetlink.Route) bool {
		k := key{r.To, r.Metric}
		repeated := seen[k]
		seen[k] = true
		return repeated
	})
}

// adoptedRoute is a route that the attachment of a network brought along.
type adoptedRoute struct {
	// network is its place in the options. The route has no interface, since that may be replaced under its name.
	network int
	route   rtnetlink.Route
}

// misplaced are routes of traffic interfaces that are not in the data plane's table.
type misplaced struct {
	// adopted are put into the data plane's table.
	adopted []adoptedRoute
	// removed are all that do not stay where they are, the adopted ones included.
	removed []rtnetlink.Route
}

// misplaced returns what has to leave the main and the local table. Connected routes are derived from the addresses.
// Routes and prefixes from router advertisements are not adopted. Broadcast addresses leave the local table, because
// the peer may have one of them, if a segment's network covers the pod network. Link-local routes stay: they need an
// interface anyhow.
func (h host) misplaced() misplaced {
	var m misplaced
	for _, r := range h.routes {
		n, isTraffic := h.order(r.Interface)
		if !isTraffic || r.To.Addr().IsMulticast() ||
			r.To.Addr().Is6() && r.To.Addr().IsLinkLocalUnicast() {
			continue
		}
		switch {
		case r.Table == unix.RT_TABLE_LOCAL && r.Type == rtnetlink.Broadcast:
			m.removed = append(m.removed, r)
		case r.Table != unix.RT_TABLE_MAIN:
		case r.Protocol == protocolKernel, r.Protocol == protocolRA, h.isConnected(r):
			m.removed = append(m.removed, r)
		default:
			m.removed = append(m.removed, r)
			m.adopted = append(m.adopted, adoptedRoute{n, adopted(r)})
		}
	}
	return m
}

// isConnected reports whether a route only repeats what follows from an address of its interface.
func (h host) isConnected(r rtnetlink.Route) bool {
	return !r.Via.IsValid() && slices.ContainsFunc(h.addresses, func(a rtnetlink.Address) bool {
		return a.Index == r.Interface && a.Prefix.Masked() == r.To
	})
}

// adopted returns a route as it is in the data plane's table, without its interface.
func adopted(r rtnetlink.Route) rtnetlink.Route {
	return rtnetlink.Route{To: r.To, Via: r.Via, OnLink: r.Via.IsValid(), Metric: adoptedMetric + r.Metric%adoptedMetric}
}

// inherited returns the routes that an earlier life of the process adopted.
func (h host) inherited() []adoptedRoute {
	var all []adoptedRoute
	for _, r := range h.routes {
		if n, isTraffic := h.order(r.Interface); isTraffic && r.Table == contract.DataPlaneTable &&
			r.Protocol == contract.ConnectedProtocol && r.Metric >= adoptedMetric {
			all = append(all, adoptedRoute{n, adopted(r)})
		}
	}
	return all
}

// learned returns the addresses of traffic interfaces that were made from router advertisements: IPv6 addresses with a
// limited lifetime.
func (h host) learned() []rtnetlink.Address {
	var all []rtnetlink.Address
	for _, a := range h.addresses {
		if _, isTraffic := h.order(a.Index); isTraffic && !a.Permanent && a.Prefix.Addr().Is6() &&
			!a.Prefix.Addr().IsLinkLocalUnicast() {
			all = append(all, a)
		}
	}
	return all
}
