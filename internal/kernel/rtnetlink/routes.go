package rtnetlink

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Routes returns the routes of all tables and both families, of every protocol. It leaves out multicast routes and
// routes that the kernel only caches.
func (c *Conn) Routes() ([]Route, error) {
	listed, err := c.listRoutes()
	if err != nil {
		return nil, err
	}
	routes := make([]Route, len(listed))
	for n, l := range listed {
		routes[n] = l.Route
	}
	return routes, nil
}

func (c *Conn) listRoutes() ([]listedRoute, error) {
	var all []listedRoute
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		messages, err := c.dumpOf(unix.RTM_GETROUTE, unix.RTM_NEWROUTE, &nl.RtMsg{RtMsg: unix.RtMsg{Family: family}})
		if err != nil {
			return nil, fmt.Errorf("listing routes: %w", err)
		}
		for _, m := range messages {
			route, ok, err := decodeRoute(m)
			if err != nil {
				return nil, fmt.Errorf("listing routes: %w", err)
			}
			if ok && familyOf(route.To.Addr()) == family { // a kernel without IPv6 lists IPv4 instead
				all = append(all, route)
			}
		}
	}
	return all, nil
}

// SetRoutes makes wanted the only routes of the protocol in the table, and leaves routes of other protocols alone. Each
// wanted route has that table and protocol, and no two have the same destination and metric. A route of another
// protocol that has the destination and metric of a wanted one is replaced, since only one of them would be used.
//
// It continues after an error, so that one route that the kernel refuses does not stop the others. It returns whether
// it changed anything, and an error for each route that is not as wanted. The error of a route that is missing is a
// *RouteError.
func (c *Conn) SetRoutes(table uint32, protocol uint8, wanted []Route) (changed bool, err error) {
	inTable := slices.Clone(wanted)
	for i := range inTable {
		inTable[i].Table = table
	}
	return c.setRoutes(protocol, inTable, func(t uint32) bool { return t == table })
}

// SetAllRoutes makes wanted the only routes of the protocol in all tables. Each has a table. Otherwise it is like
// SetRoutes.
func (c *Conn) SetAllRoutes(protocol uint8, wanted []Route) (changed bool, err error) {
	return c.setRoutes(protocol, wanted, func(uint32) bool { return true })
}

func (c *Conn) setRoutes(protocol uint8, wanted []Route, concerns func(table uint32) bool) (changed bool, err error) {
	present, err := c.listRoutes()
	if err != nil {
		return false, err
	}
	ours := slices.Clone(wanted)
	byKey := map[routeKey]Route{}
	for i := range ours {
		ours[i].Protocol = protocol
		ours[i] = ours[i].normalized()
		byKey[ours[i].key()] = ours[i]
	}
	var errs []error
	kept, outdated := map[routeKey]bool{}, map[routeKey]listedRoute{}
	for _, p := range present {
		w, isWanted := byKey[p.key()]
		_, hasOutdated := outdated[p.key()]
		switch {
		case !concerns(p.Table):
		case isWanted && p.Route == w && !kept[p.key()]:
			kept[p.key()] = true
		case isWanted && p.isEarlier(w) && !kept[p.key()] && !hasOutdated:
			outdated[p.key()] = p // It is replaced below, so that its destination is never without a route.
		case isWanted || p.Protocol == protocol:
			changed = true
			errs = append(errs, c.removeListed(p))
		}
	}
	for _, w := range ours {
		p, isOutdated := outdated[w.key()]
		if kept[w.key()] && isOutdated {
			errs = append(errs, c.removeListed(p))
		}
		if kept[w.key()] {
			continue
		}
		changed = true
		err := c.addRoute(w)
		if err != nil && isOutdated {
			err = errors.Join(err, c.removeListed(p))
		}
		errs = append(errs, err)
	}
	return changed, errors.Join(errs...)
}

func (c *Conn) addRoute(r Route) error {
	flags := unix.NLM_F_CREATE | unix.NLM_F_REPLACE | unix.NLM_F_ACK
	_, err := c.request(unix.RTM_NEWROUTE, flags, routeRequest(r)...).Execute(unix.NETLINK_ROUTE, 0)
	if err != nil && !isWithoutIPv6(r.To.Addr().Is6(), err) {
		return &RouteError{Route: r, Err: err}
	}
	return nil
}

// RouteError is the refusal of a route.
type RouteError struct {
	Route Route
	Err   error
}

// Error returns the route and the reason.
func (e *RouteError) Error() string { return fmt.Sprintf("adding route %s: %v", e.Route, e.Err) }

// Unwrap returns the reason.
func (e *RouteError) Unwrap() error { return e.Err }

// RemoveRoutes removes routes that Routes has returned. It continues after an error, and returns those that it has
// removed. Removing an absent route succeeds.
func (c *Conn) RemoveRoutes(routes []Route) (removed []Route, err error) {
	if len(routes) == 0 {
		return nil, nil
	}
	present, err := c.listRoutes()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, p := range present {
		if !slices.Contains(routes, p.Route) {
			continue
		}
		if err := c.removeListed(p); err != nil {
			errs = append(errs, err)
			continue
		}
		removed = append(removed, p.Route)
	}
	return removed, errors.Join(errs...)
}

func (c *Conn) removeListed(r listedRoute) error {
	_, err := c.request(unix.RTM_DELROUTE, unix.NLM_F_ACK, raw(r.message)).Execute(unix.NETLINK_ROUTE, 0)
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("removing route %s: %w", r.Route, err)
	}
	return nil
}

// raw is a message's content that is sent as it was received.
type raw []byte

// Len returns the length of the content.
func (r raw) Len() int { return len(r) }

// Serialize returns the content.
func (r raw) Serialize() []byte { return r }

// dumpOf returns the messages of one kind, each without its header.
func (c *Conn) dumpOf(request int, reply uint16, header nl.NetlinkRequestData) ([][]byte, error) {
	return dump(func() ([][]byte, error) {
		return c.request(request, unix.NLM_F_DUMP, header).Execute(unix.NETLINK_ROUTE, reply)
	})
}

// isWithoutIPv6 reports whether an error means that the kernel has no IPv6. There is nothing to route then.
func isWithoutIPv6(ipv6 bool, err error) bool {
	return ipv6 && (errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP))
}

func familyOf(a netip.Addr) uint8 {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func unspecified(family uint8) netip.Addr {
	if family == unix.AF_INET {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}
