package rtnetlink

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// RouteEvent is a change of a route.
type RouteEvent struct {
	MultipathRoute
	// Deleted is set if the route is gone. For IPv6, only the next hops of the event may be gone.
	Deleted bool
}

// RouteEvents receives the changes of routes and interfaces. When an interface goes down, the kernel removes IPv4
// routes without an event for each, so the caller reads all routes after a change of interfaces.
type RouteEvents struct{ *events }

// OpenRouteEvents starts to receive events of the network namespace of the calling thread.
func OpenRouteEvents() (*RouteEvents, error) {
	e, err := openEvents("routes", unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_LINK)
	if err != nil {
		return nil, err
	}
	return &RouteEvents{e}, nil
}

// Read calls visit for each change of a route of the table that has happened, in order, and returns whether interfaces
// have changed too. It does not wait. Only one caller at a time may use it.
func (e *RouteEvents) Read(table uint32, visit func(RouteEvent)) (links bool, err error) {
	err = e.read(func(m syscall.NetlinkMessage) error {
		switch m.Header.Type {
		case unix.RTM_NEWLINK, unix.RTM_DELLINK:
			links = true
		case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
			r, ok, err := decodeMultipathRoute(m.Data)
			if err != nil {
				return err
			}
			if ok && r.Table == table {
				visit(RouteEvent{MultipathRoute: r, Deleted: m.Header.Type == unix.RTM_DELROUTE})
			}
		}
		return nil
	})
	return links, err
}
