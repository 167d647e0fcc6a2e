package document

import (
	"net/netip"
	"slices"
)

// notForwarded are destinations whose packets a router never forwards. A route to a part of one would do nothing.
var notForwarded = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("224.0.0.0/4"),
	netip.MustParsePrefix("255.255.255.255/32"),
	netip.MustParsePrefix("::/127"), // unspecified and loopback
	netip.MustParsePrefix("fe80::/10"),
	netip.MustParsePrefix("ff00::/8"),
}

func (c *checker) checkRoutes() {
	routes, all := c.document.Routing.Routes, spec.field("routing").field("routes")
	c.checkCount(all, len(routes), maxRoutes)
	c.checkNames(all, len(routes), func(i int) string { return routes[i].Name })
	type destination struct {
		to     netip.Prefix
		metric uint16
	}
	first := map[destination]int{}
	for i, r := range routes {
		at := all.index(i)
		c.checkRoute(at, r)
		key := destination{r.To, r.EffectiveMetric()}
		if earlier, taken := first[key]; taken {
			c.problems.add(at.field("to"), "entry %d has the destination %s with metric %d already; "+
				"keep one of them, or give them different metrics", earlier, r.To, key.metric)
			continue
		}
		first[key] = i
	}
}

func (c *checker) checkRoute(at path, r Route) {
	c.checkDestination(at.field("to"), r.To)
	if !c.checkForwarding(at, r.Forwards(), r.Via, r.Interface) {
		return
	}
	switch {
	case !r.To.IsValid():
	case familyOf(r.Via) != familyOf(r.To.Addr()):
		c.problems.add(at.field("via"), "%s is %s and to is %s; both must be of one family",
			r.Via, familyOf(r.Via), familyOf(r.To.Addr()))
	case r.To.IsSingleIP() && r.To.Addr() == r.Via:
		c.problems.add(at.field("via"), "%s is the destination itself, so that the route would lead to itself; "+
			"remove via and name the interface whose link it is on", r.Via)
	default:
		c.checkNextHop(at.field("via"), r.Via, r.Interface, r.To)
	}
}

func (c *checker) checkDestination(at path, to netip.Prefix) {
	if !to.IsValid() {
		c.problems.add(at, "must be a prefix, as in 10.20.0.0/16 or 2001:db8:20::/48")
		return
	}
	for _, special := range notForwarded {
		if special.Bits() <= to.Bits() && special.Contains(to.Addr()) {
			c.problems.add(at, "%s is in %s, whose packets are never forwarded; give another destination", to, special)
			return
		}
	}
	c.checkNotConnected(at, to)
}

// checkForwarding checks that a route has what its type needs. It returns whether it has a usable next hop.
func (c *checker) checkForwarding(at path, forwards bool, via netip.Addr, name string) (hasNextHop bool) {
	if !forwards {
		if via.IsValid() {
			c.problems.add(at.field("via"), "is used with type %s only; remove it, or the type", RouteUnicast)
		}
		if name != "" {
			c.problems.add(at.field("interface"), "is used with type %s only; remove it, or the type", RouteUnicast)
		}
		return false
	}
	if name != "" {
		c.checkRouteInterface(at.field("interface"), name)
	}
	switch {
	case !via.IsValid() && name == "":
		c.problems.add(at, "via or interface must be set: the next hop, or the interface on whose link the destination is")
		return false
	case !via.IsValid():
		return false
	case !isRouter(via):
		c.problems.add(at.field("via"), "%s is not a router's address; give a unicast address that is neither loopback "+
			"nor unspecified", via)
		return false
	case via.Is6() && via.IsLinkLocalUnicast() && name == "":
		c.problems.add(at.field("interface"), "must be set, since %s is link-local and may be on each link", via)
		return false
	default:
		return true
	}
}

// isRouter reports whether a neighbour can have the address. Some carriers' routers have a link-local IPv4 address.
func isRouter(a netip.Addr) bool {
	return (a.IsGlobalUnicast() || a.IsLinkLocalUnicast()) && !notForwarded[0].Contains(a)
}

// checkRouteInterface checks that a route leaves by an interface of a zone. Any other interface is not filtered.
func (c *checker) checkRouteInterface(at path, name string) {
	var known []string
	for _, z := range c.document.Zones {
		known = append(known, z.Interfaces...)
	}
	if !slices.Contains(known, name) {
		c.problems.add(at, "unknown interface %q; those of the zones are: %s", name, list(known))
	}
}

func (c *checker) checkPolicyRoutes() {
	entries, all := c.document.Routing.PolicyRoutes, spec.field("routing").field("policyRoutes")
	c.checkCount(all, len(entries), maxPolicyRoutes)
	c.checkNames(all, len(entries), func(i int) string { return entries[i].Name })
	before := c.problems.count()
	for i, r := range entries {
		c.checkPolicyRoute(all.index(i), r)
	}
	if c.problems.count() > before {
		return
	}
	rules := 0
	for _, r := range entries {
		rules += c.countRules(r)
	}
	if rules > maxRoutingRules {
		c.problems.add(all, "come to %d rules, at most %d are allowed, since each packet is compared with all of them; "+
			"use prefixes instead of ranges, and fewer of them", rules, maxRoutingRules)
	}
}

func (c *checker) checkPolicyRoute(at path, r PolicyRoute) {
	if i := slices.Index(r.From, ZoneFirewall); i >= 0 {
		c.problems.add(at.field("from").index(i), "what the unit itself sends follows the static routes; take %q out",
			ZoneFirewall)
	} else {
		c.checkZoneNames(at.field("from"), r.From)
	}
	before := c.problems.count()
	c.checkAddressNames(at.field("source"), r.Source)
	c.checkAddressNames(at.field("destination"), r.Destination)
	c.checkStatic(at.field("source"), r.Source)
	c.checkStatic(at.field("destination"), r.Destination)
	known := c.problems.count() == before
	hasNextHop := c.checkForwarding(at, r.Forwards(), r.Via, r.Interface)
	if hasNextHop {
		c.checkNextHop(at.field("via"), r.Via, r.Interface, netip.Prefix{})
	}
	if !known {
		return
	}
	if hasNextHop {
		c.checkNextHopFamily(at.field("source"), r.Source, r.Via)
		c.checkNextHopFamily(at.field("destination"), r.Destination, r.Via)
	} else if source, destination := c.families(r.Source), c.families(r.Destination); source&destination == 0 {
		c.problems.add(at.field("destination"), "has only %s addresses and source only %s ones, so that nothing can match; "+
			"name objects of one family in both", destination, source)
	}
}

func (c *checker) checkNextHopFamily(at path, names []string, via netip.Addr) {
	if families := c.families(names); !families.Has(familyOf(via)) {
		c.problems.add(at, "has only %s addresses and via is %s, so that nothing can match; "+
			"name an object of that family", families, familyOf(via))
	}
}

// countRules returns how many rules of the kernel a policy route comes to.
func (c *checker) countRules(r PolicyRoute) (rules int) {
	interfaces := 0
	for _, zone := range r.From {
		interfaces += len(c.zones[zone].Interfaces)
	}
	for _, family := range []Families{IPv4, IPv6} {
		if !r.Via.IsValid() || familyOf(r.Via) == family {
			rules += interfaces * c.countPrefixes(r.Source, family) * c.countPrefixes(r.Destination, family)
		}
	}
	return rules
}

// countPrefixes returns the number of prefixes of one family in address objects; 1 without objects.
func (c *checker) countPrefixes(names []string, family Families) (n int) {
	if len(names) == 0 {
		return 1
	}
	for _, name := range names {
		for _, b := range c.addresses[name].Members {
			if b.Family() == family {
				n += len(b.Prefixes())
			}
		}
	}
	return n
}
