package dataplane

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// The least MTUs with which a network works: of IPv6 (RFC 8200), and of what every IPv4 host accepts (RFC 1122).
const (
	leastMTU6 = 1280
	leastMTU4 = 576
)

// demand is something that an interface needs to carry traffic. Any program may have changed it. Package gate keeps the
// IPv4 settings of interfaces, and package addresses their addresses. The monitors watch whether they are there and
// have a carrier.
type demand struct {
	// what is the property, as the end of a sentence about the interface.
	what  string
	isMet func(rtnetlink.Link, *usable) bool
	// meet makes the interface meet the demand; nil if only a person can.
	meet func(Kernel, rtnetlink.Link, *usable) error
	// remedy is what a person can do.
	remedy string
}

// usable is what is known of an interface from when it was as it should be.
type usable struct {
	// leastMTU is that of the families that the network has, and mtu the last one that was not less.
	leastMTU, mtu int
}

var demands = []demand{
	{
		what:   "is in a bridge, bond or VRF, which takes its packets",
		isMet:  func(l rtnetlink.Link, _ *usable) bool { return l.Master == 0 },
		meet:   func(k Kernel, l rtnetlink.Link, _ *usable) error { return k.LeaveMaster(l.Index) },
		remedy: "ip link set %s nomaster",
	},
	{
		what:   "finds no neighbours, because ARP is off",
		isMet:  func(l rtnetlink.Link, _ *usable) bool { return l.Resolves },
		meet:   func(k Kernel, l rtnetlink.Link, _ *usable) error { return k.EnableResolution(l.Index) },
		remedy: "ip link set %s arp on",
	},
	{
		what:   "takes no part in multicast",
		isMet:  func(l rtnetlink.Link, _ *usable) bool { return l.Multicast },
		meet:   func(k Kernel, l rtnetlink.Link, _ *usable) error { return k.EnableMulticast(l.Index) },
		remedy: "ip link set %s multicast on",
	},
	{
		what:   "has a smaller MTU than its network needs",
		isMet:  func(l rtnetlink.Link, u *usable) bool { return u.mtu == 0 || l.MTU >= u.leastMTU },
		meet:   func(k Kernel, l rtnetlink.Link, u *usable) error { return k.SetMTU(l.Index, u.mtu) },
		remedy: "ip link set %s mtu 1500",
	},
	{
		what:   "has an XDP program, which may drop its packets",
		isMet:  func(l rtnetlink.Link, _ *usable) bool { return !l.XDP },
		remedy: "ip link set %s xdp off",
	},
}

// see remembers what the interface has, if that is enough.
func (u *usable) see(l rtnetlink.Link, hasIPv6 bool) {
	u.leastMTU = max(u.leastMTU, leastMTU4)
	if hasIPv6 {
		u.leastMTU = leastMTU6
	}
	if l.MTU >= u.leastMTU {
		u.mtu = l.MTU
	}
}

// hasIPv6 reports whether a network has IPv6 addresses, other than link-local ones.
func (h host) hasIPv6(l rtnetlink.Link, n Network) bool {
	isIPv6 := func(a netip.Prefix) bool { return a.Addr().Is6() && !a.Addr().IsLinkLocalUnicast() }
	return slices.ContainsFunc(n.Addresses, isIPv6) || slices.ContainsFunc(h.addresses, func(a rtnetlink.Address) bool {
		return a.Index == l.Index && a.Permanent && isIPv6(a.Prefix)
	})
}

// meetDemands makes the interfaces meet what the data plane demands. It returns what it has set right, and what it
// could not.
func (p *Plane) meetDemands(h host) (repaired []string, err error) {
	var errs []error
	for n, l := range h.links {
		if l.Index == 0 {
			continue // The monitors report it.
		}
		u := p.usable[l.Name]
		if u == nil {
			u = &usable{}
			p.usable[l.Name] = u
		}
		u.see(l, h.hasIPv6(l, p.Networks[n]))
		for _, d := range demands {
			if d.isMet(l, u) {
				continue
			}
			fault := fmt.Sprintf("interface %s %s", l.Name, d.what)
			err := errors.New("only a person can decide")
			if d.meet != nil {
				err = d.meet(p.Kernel, l, u)
			}
			if err == nil {
				repaired = append(repaired, fault)
			} else {
				errs = append(errs, fmt.Errorf("%s: %w; run: %s", fault, err, fmt.Sprintf(d.remedy, l.Name)))
			}
		}
	}
	return repaired, errors.Join(errs...)
}
