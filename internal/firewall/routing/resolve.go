package routing

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// onLink is a prefix whose addresses are neighbours on an interface.
type onLink struct {
	prefix netip.Prefix
	index  int
}

// connected returns the networks on the interfaces that are up: the routes of the data plane's table that have no next
// hop and are not the firewall's own. They stand on both units.
func connected(present []rtnetlink.Route, links map[string]rtnetlink.Link) []onLink {
	up := map[int]bool{}
	for _, l := range links {
		up[l.Index] = l.Up
	}
	var all []onLink
	for _, r := range present {
		if r.Table == contract.DataPlaneTable && r.Protocol != contract.RoutingProtocol &&
			r.Type == rtnetlink.Unicast && !r.Via.IsValid() && r.To.Bits() > 0 && up[r.Interface] {
			all = append(all, onLink{r.To, r.Interface})
		}
	}
	return all
}

// resolution are the routes that the kernel can have now, and why it cannot have the others.
type resolution struct {
	routes []rtnetlink.Route
	// fields are the paths of the routes in the document.
	fields map[routeKey]string
	faults faults
}

type routeKey struct {
	table  uint32
	to     netip.Prefix
	metric uint32
}

// fieldOf returns the path in the document of a route that the kernel has refused.
func (r resolution) fieldOf(err error) string {
	if refused, ok := errors.AsType[*rtnetlink.RouteError](err); ok {
		return r.fields[keyOf(refused.Route)]
	}
	return ""
}

func keyOf(r rtnetlink.Route) routeKey { return routeKey{r.Table, r.To, r.Metric} }

// resolve finds the interface of each route. A route by an interface without a carrier is left out: the kernel would
// keep it, and prefer it to one of a greater metric.
func resolve(wanted []plan.Route, links map[string]rtnetlink.Link, networks []onLink) resolution {
	r := resolution{fields: map[routeKey]string{}}
	for _, w := range wanted {
		if link := links[w.Interface]; w.IsOnLink() && link.Up {
			networks = append(networks, onLink{w.To, link.Index})
		}
	}
	for _, w := range wanted {
		route, err := resolveRoute(w, links, networks)
		if err != nil {
			r.faults = append(r.faults, fault{w.Field, err.Error()})
			continue
		}
		r.routes = append(r.routes, route)
		r.fields[keyOf(route)] = w.Field
	}
	// The kernel accepts a next hop after the route that makes it a neighbour.
	slices.SortStableFunc(r.routes, func(a, b rtnetlink.Route) int {
		return cmp.Compare(boolToInt(a.Via.IsValid()), boolToInt(b.Via.IsValid()))
	})
	return r
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func resolveRoute(w plan.Route, links map[string]rtnetlink.Link, networks []onLink) (rtnetlink.Route, error) {
	r := rtnetlink.Route{Table: w.Table, Type: typeOf(w.Type), To: w.To, Via: w.Via, Metric: w.Metric}
	switch {
	case r.Type != rtnetlink.Unicast:
		return r, nil
	case w.Interface == "":
		index, err := neighbourOn(w.Via, networks)
		if err != nil {
			return r, err
		}
		r.Interface = index
	case links[w.Interface].Index == 0:
		return r, fmt.Errorf("interface %q does not exist", w.Interface)
	case !links[w.Interface].Up:
		return r, fmt.Errorf("interface %q is down", w.Interface)
	default:
		r.Interface = links[w.Interface].Index
	}
	r.OnLink = w.Via.IsValid() && !verifiable(w.Via, r.Interface, networks)
	return r, nil
}

// verifiable reports whether the kernel finds by itself that a next hop is a neighbour. For IPv6 it looks into the
// data plane's table. With onlink it would look into the main table instead, and refuse a next hop that the pod's
// network covers. For IPv4 it always needs onlink, since a standby may have no address on the link.
func verifiable(via netip.Addr, index int, networks []onLink) bool {
	return via.Is6() && slices.ContainsFunc(networks, func(n onLink) bool {
		return n.index == index && n.prefix.Contains(via)
	})
}

// neighbourOn returns the interface that has the longest prefix with an address.
func neighbourOn(a netip.Addr, networks []onLink) (index int, err error) {
	longest := -1
	ambiguous := false
	for _, n := range networks {
		switch {
		case !n.prefix.Contains(a) || n.prefix.Bits() < longest:
		case n.prefix.Bits() > longest:
			index, longest, ambiguous = n.index, n.prefix.Bits(), false
		case n.index != index:
			ambiguous = true
		}
	}
	switch {
	case longest < 0:
		return 0, fmt.Errorf("next hop %s is on no network of the unit; its interface may be down", a)
	case ambiguous:
		return 0, fmt.Errorf("next hop %s is on several networks of the unit; name the interface of the route", a)
	default:
		return index, nil
	}
}

func typeOf(t document.RouteType) rtnetlink.RouteType {
	switch t {
	case document.RouteBlackhole:
		return rtnetlink.Blackhole
	case document.RouteUnreachable:
		return rtnetlink.Unreachable
	default:
		return rtnetlink.Unicast
	}
}
