package document

import (
	"net/netip"
	"slices"
)

// Multicast is which multicast the unit forwards, as a proxy of IGMP and MLD.
type Multicast struct {
	// Upstream and Downstream are interfaces of zones.
	Upstream   string   `json:"upstream"`
	Downstream []string `json:"downstream"`
	// Groups are the groups that are forwarded; all if it is empty.
	Groups []netip.Prefix `json:"groups,omitempty"`
}

// IsEnabled reports whether the unit forwards multicast.
func (m Multicast) IsEnabled() bool { return m.Upstream != "" }

// The prefixes of all groups. Those of one link are never forwarded.
var (
	allGroups = []netip.Prefix{netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("ff00::/8")}
	ofOneLink = []netip.Prefix{
		netip.MustParsePrefix("224.0.0.0/24"), netip.MustParsePrefix("ff01::/16"), netip.MustParsePrefix("ff02::/16"),
	}
)

func (c *checker) checkMulticast() {
	m, at := c.document.Multicast, spec.field("multicast")
	if !m.IsEnabled() && len(m.Downstream) == 0 && len(m.Groups) == 0 {
		return
	}
	c.checkRouteInterface(at.field("upstream"), m.Upstream)
	c.checkCount(at.field("downstream"), len(m.Downstream), maxDownstream)
	for i, name := range m.Downstream {
		c.checkRouteInterface(at.field("downstream").index(i), name)
	}
	if slices.Contains(m.Downstream, m.Upstream) {
		c.problems.add(at.field("downstream"), "%q is upstream too; remove it from one of them", m.Upstream)
	}
	c.checkCount(at.field("groups"), len(m.Groups), maxNames)
	within := func(all []netip.Prefix, p netip.Prefix) bool {
		return slices.ContainsFunc(all, func(a netip.Prefix) bool { return a.Bits() <= p.Bits() && a.Contains(p.Addr()) })
	}
	for i, g := range m.Groups {
		switch at := at.field("groups").index(i); {
		case !g.IsValid():
		case !within(allGroups, g):
			c.problems.add(at, "%s is no prefix of multicast addresses, as in 239.0.0.0/8 or ff08::/16", g)
		case within(ofOneLink, g):
			c.problems.add(at, "%s are groups of one link, which are never forwarded; remove them", g)
		}
	}
}
