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
	// fault describes an interface that does not meet the demand. It follows the name of the interface.
	fault string
	isMet func(rtnetlink.Link, *baseline) bool
	// meet makes the interface meet the demand; nil if only a person can.
	meet func(Kernel, rtnetlink.Link, *baseline) error
	// remedy is what a person can do.
	remedy string
}

// baseline is what an interface had when it last met the demands.
type baseline struct {
	// leastMTU is the least MTU for the families that the network has, and mtu the last one that was not less.
	leastMTU, mtu int
}

var demands = []demand{
	{
		fault:  "is in a bridge, bond or VRF, which takes its packets",
		isMet:  func(l rtnetlink.Link, _ *baseline) bool { return l.Master == 0 },
		meet:   func(k Kernel, l rtnetlink.Link, _ *baseline) error { return k.LeaveMaster(l.Index) },
		remedy: "ip link set %s nomaster",
	},
	{
		fault:  "finds no neighbours, because ARP is off",
		isMet:  func(l rtnetlink.Link, _ *baseline) bool { return l.Resolves },
		meet:   func(k Kernel, l rtnetlink.Link, _ *baseline) error { return k.EnableResolution(l.Index) },
		remedy: "ip link set %s arp on",
	},
	{
		fault:  "takes no part in multicast",
		isMet:  func(l rtnetlink.Link, _ *baseline) bool { return l.Multicast },
		meet:   func(k Kernel, l rtnetlink.Link, _ *baseline) error { return k.EnableMulticast(l.Index) },
		remedy: "ip link set %s multicast on",
	},
	{
		fault:  "has a smaller MTU than its network needs",
		isMet:  func(l rtnetlink.Link, b *baseline) bool { return b.mtu == 0 || l.MTU >= b.leastMTU },
		meet:   func(k Kernel, l rtnetlink.Link, b *baseline) error { return k.SetMTU(l.Index, b.mtu) },
		remedy: "ip link set %s mtu 1500",
	},
	{
		fault:  "has an XDP program, which may drop its packets",
		isMet:  func(l rtnetlink.Link, _ *baseline) bool { return !l.XDP },
		remedy: "ip link set %s xdp off",
	},
}

// observe records what the interface has, if that is enough.
func (b *baseline) observe(l rtnetlink.Link, hasIPv6 bool) {
	b.leastMTU = max(b.leastMTU, leastMTU4)
	if hasIPv6 {
		b.leastMTU = leastMTU6
	}
	if l.MTU >= b.leastMTU {
		b.mtu = l.MTU
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
		b := p.baselines[l.Name]
		if b == nil {
			b = &baseline{}
			p.baselines[l.Name] = b
		}
		b.observe(l, h.hasIPv6(l, p.Networks[n]))
		for _, d := range demands {
			if d.isMet(l, b) {
				continue
			}
			fault := fmt.Sprintf("interface %s %s", l.Name, d.fault)
			err := errors.New("only a person can decide")
			if d.meet != nil {
				err = d.meet(p.Kernel, l, b)
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
