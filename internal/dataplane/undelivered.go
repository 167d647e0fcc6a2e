package dataplane

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

const (
	// settling4 and settling6 are how long an address may be without a local route. The kernel sets both at once for IPv4,
	// and a look may fall in between. A work queue adds that of IPv6 later, and a busy machine may delay it.
	settling4 = 30 * time.Millisecond
	settling6 = 500 * time.Millisecond
	// settlingInterval is the time between looks meanwhile.
	settlingInterval = 20 * time.Millisecond
)

// place is an address on an interface.
type place struct {
	index   int
	address netip.Addr
}

// undelivered returns the addresses of traffic interfaces that have no route in the local table. The unit does not
// receive what is sent to them. An address that duplicate detection refuses has no such route either.
func (h host) undelivered() []rtnetlink.Address {
	delivered := map[place]bool{}
	for _, r := range h.routes {
		if r.Table == unix.RT_TABLE_LOCAL && r.Type == rtnetlink.Local {
			delivered[place{r.Interface, r.To.Addr()}] = true
		}
	}
	var all []rtnetlink.Address
	for _, a := range h.addresses {
		n, isTraffic := h.order(a.Index)
		if isTraffic && h.links[n].Up && !a.Tentative && !a.Duplicate &&
			!delivered[place{a.Index, a.Prefix.Addr()}] {
			all = append(all, a)
		}
	}
	return all
}

// replaceUndelivered removes addresses that have been without a local route for a while. Package addresses puts them
// back, and then the kernel sets the route too.
func (p *Plane) replaceUndelivered(found []rtnetlink.Address) error {
	now, seen := time.Now(), map[place]time.Time{}
	var lasting []rtnetlink.Address
	for _, a := range found {
		at := place{a.Index, a.Prefix.Addr()}
		since, known := p.undelivered[at]
		switch {
		case !known:
			seen[at] = now
		case now.Sub(since) < settlingOf(a.Prefix.Addr()):
			seen[at] = since
		default:
			p.Log.Info("Removing an address whose local route is missing, so that it is put back", "address", a.Prefix)
			lasting = append(lasting, a)
		}
	}
	p.undelivered = seen
	return p.Kernel.RemoveAddresses(lasting)
}

func settlingOf(a netip.Addr) time.Duration {
	if a.Is4() {
		return settling4
	}
	return settling6
}

// isSettling reports whether an address without a local route may still get one.
func (p *Plane) isSettling() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.undelivered) > 0
}
