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
			if ok {
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
// it changed anything, and an error for each route that is not as wanted.
func (c *Conn) SetRoutes(table uint32, protocol uint8, wanted []Route) (changed bool, err error) {
	missing := map[routeKey]Route{}
	for _, w := range wanted {
		w.Table, w.Protocol = table, protocol
		w = w.normalized()
		missing[w.key()] = w
	}
	kept := map[routeKey]bool{}
	present, err := c.listRoutes()
	if err != nil {
		return false, err
	}
	var errs []error
	for _, p := range present {
		w, isWanted := missing[p.key()]
		switch {
		case p.Table != table:
		case isWanted && p.Route == w && !kept[p.key()]:
			kept[p.key()] = true
		case isWanted || p.Protocol == protocol:
			changed = true
			errs = append(errs, c.removeListed(p))
		}
	}
	for _, w := range missing {
		if !kept[w.key()] {
			changed = true
			errs = append(errs, c.addRoute(w))
		}
	}
	return changed, errors.Join(errs...)
}

func (c *Conn) addRoute(r Route) error {
	flags := unix.NLM_F_CREATE | unix.NLM_F_REPLACE | unix.NLM_F_ACK
	_, err := c.request(unix.RTM_NEWROUTE, flags, routeRequest(r)...).Execute(unix.NETLINK_ROUTE, 0)
	if err != nil {
		return fmt.Errorf("adding route %s: %w", r, err)
	}
	return nil
}

// RemoveRoutes removes routes that Routes has returned. Removing an absent route succeeds.
func (c *Conn) RemoveRoutes(routes []Route) error {
	if len(routes) == 0 {
		return nil
	}
	present, err := c.listRoutes()
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range present {
		if slices.Contains(routes, p.Route) {
			errs = append(errs, c.removeListed(p))
		}
	}
	return errors.Join(errs...)
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
