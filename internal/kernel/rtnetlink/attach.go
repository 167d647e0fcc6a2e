package rtnetlink

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Refused is an address that the kernel did not accept.
type Refused struct {
	Prefix netip.Prefix
	Err    error
}

// AddAddresses adds addresses to an interface and returns those that the kernel refused; each is tried. It does not
// list first, because a takeover waits for each request. An address that is already there is replaced by itself.
func (c *Conn) AddAddresses(index int, wanted []netip.Prefix) []Refused {
	var refused []Refused
	added := make([]netip.Prefix, 0, len(wanted))
	for _, a := range wanted {
		if err := c.addAddress(index, a); err != nil {
			refused = append(refused, Refused{Prefix: a, Err: err})
			continue
		}
		added = append(added, a)
	}
	c.awaitLocal(added)
	return refused
}

const (
	// localWait bounds the wait for local routes. After it, the answer of a neighbour may be lost once, and the kernel
	// asks again after a second.
	localWait = 10 * time.Millisecond
	// localPoll is the interval between two looks for a local route.
	localPoll = 100 * time.Microsecond
)

// awaitLocal waits until the unit receives what is sent to its IPv6 addresses. The kernel acknowledges an address
// before a work queue adds its local route (addrconf_dad_work). A packet that arrives in between is forwarded or
// dropped. One such packet is a neighbour's answer to the first solicitation of a new active.
func (c *Conn) awaitLocal(addresses []netip.Prefix) {
	end := time.Now().Add(localWait)
	for _, a := range addresses {
		for a.Addr().Is6() && !c.isLocal(a.Addr()) && time.Now().Before(end) {
			time.Sleep(localPoll)
		}
	}
}

// isLocal reports whether the kernel has a local route for an address.
func (c *Conn) isLocal(a netip.Addr) bool {
	routes, err := c.handle.RouteGet(a.AsSlice())
	return err == nil && len(routes) == 1 && routes[0].Type == unix.RTN_LOCAL
}
