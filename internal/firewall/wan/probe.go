package wan

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/health"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// Links has the interfaces of the unit. rtnetlink.Conn implements it.
type Links interface {
	Link(name string) (rtnetlink.Link, error)
	Addresses(index int) ([]netip.Prefix, error)
}

// prober probes one monitor of a link.
type prober struct {
	link    document.WANLink
	number  uint8
	index   int // of the monitor
	sources []netip.Addr
	links   Links
	// probed gets each result, with the reason of a failure.
	probed func(link string, monitor int, reason string)
}

// run probes the monitor until ctx ends.
func (p prober) run(ctx context.Context) {
	next := time.Now().Add(rand.N(p.link.Interval())) //nolint:gosec // The time of a probe is no secret.
	for backoff.Sleep(ctx, time.Until(next)) {
		next = time.Now().Add(p.link.Interval())
		reason, done := p.try(ctx)
		if ctx.Err() != nil {
			return
		}
		if done {
			p.probed(p.link.Name, p.index, reason)
		}
	}
}

// try probes once. If the unit has no address to probe from, it returns done false. A new active may have none.
// The mark makes the packets take the routes of the link, and the answers are from an address that is no forged source.
func (p prober) try(ctx context.Context) (reason string, done bool) {
	m := p.link.Monitors[p.index]
	ctx, cancel := context.WithTimeout(ctx, p.link.Timeout())
	defer cancel()
	link, err := p.links.Link(p.link.Interface)
	if err != nil || !link.Up {
		return "interface " + p.link.Interface + " has no carrier", true
	}
	addresses, err := p.links.Addresses(link.Index)
	if err != nil {
		return err.Error(), true
	}
	source := sourceOf(m.Host, p.link, addresses, p.sources)
	if !source.IsValid() {
		return "", false
	}
	err = health.Once(ctx, contract.Probe{
		Type: contract.ProbeType(m.EffectiveType()), Host: m.Host, Port: m.Port, Interface: p.link.Interface,
	}, health.Origin{
		Interface: p.link.Interface, Index: link.Index, Address: source,
		Mark: contract.DataPlaneMark | plan.LinkMark(p.number),
	})
	if err != nil {
		return health.Reason(err, p.link.Timeout()), true
	}
	return "", true
}

// sourceOf chooses the address of the interface from which a host is probed. It prefers those to which the document
// translates connections: what reaches them is what connections need. Then it prefers one on the gateway's network.
func sourceOf(
	host netip.Addr, link document.WANLink, addresses []netip.Prefix, translations []netip.Addr,
) (best netip.Addr) {
	gateway := link.Gateway(document.IPv6)
	if host.Is4() {
		gateway = link.Gateway(document.IPv4)
	}
	most := 0
	for _, a := range addresses {
		address := a.Addr()
		if address.Is4() != host.Is4() || address.IsLinkLocalUnicast() {
			continue
		}
		worth := 1
		if a.Contains(gateway) {
			worth++
		}
		if slices.Contains(translations, address) {
			worth += 2
		}
		if worth > most {
			most, best = worth, address
		}
	}
	return best
}
