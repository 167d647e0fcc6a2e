package document

import "net/netip"

func (c *checker) checkWAN() {
	links, all := c.document.WAN.Links, spec.field("wan").field("links")
	if !c.document.WAN.IsEnabled() {
		return
	}
	c.checkCount(all, len(links), maxWANLinks)
	c.checkNames(all, len(links), func(i int) string { return links[i].Name })
	for i, l := range links {
		c.checkLink(all.index(i), l)
	}
	c.checkSameGateways(all, links)
	c.checkDefaultRoutes()
}

func (c *checker) checkLink(at path, l WANLink) {
	c.checkRouteInterface(at.field("interface"), l.Interface)
	if len(l.Gateways) == 0 {
		c.problems.add(at.field("gateways"), "at least one is needed; give the address of the provider's router")
	}
	c.checkCount(at.field("gateways"), len(l.Gateways), familyCount)
	families := map[Families]netip.Addr{}
	for i, g := range l.Gateways {
		at := at.field("gateways").index(i)
		if !isRouter(g) {
			c.problems.add(at, "%s is not a router's address; give a unicast address that is neither loopback "+
				"nor unspecified", g)
			continue
		}
		if other, taken := families[familyOf(g)]; taken {
			c.problems.add(at, "%s is %s, as is %s; a link has one gateway of each family, so make two links of them",
				g, familyOf(g), other)
			continue
		}
		families[familyOf(g)] = g
		c.checkNextHop(at, g, l.Interface, netip.Prefix{})
	}
	c.checkRange(at.field("weight"), l.Weight, 1, maxLinkWeight)
	c.checkMonitors(at, l)
}

// checkMonitors checks the monitors of a link, and how they are probed.
func (c *checker) checkMonitors(at path, l WANLink) {
	c.checkCount(at.field("monitors"), len(l.Monitors), maxLinkMonitors)
	first := map[WANMonitor]int{}
	for i, m := range l.Monitors {
		at := at.field("monitors").index(i)
		m.Type = m.EffectiveType()
		if earlier, taken := first[m]; taken {
			c.problems.add(at, "is the same as entry %d; remove one of them", earlier)
		}
		first[m] = i
		switch {
		case !isRouter(m.Host) || m.Host.Is6() && m.Host.IsLinkLocalUnicast():
			c.problems.add(at.field("host"), "%s is not the address of a host on the Internet; give one that is neither "+
				"link-local nor loopback", m.Host)
		case !l.Gateway(familyOf(m.Host)).IsValid():
			c.problems.add(at.field("host"), "%s is %s, and the link has no gateway of that family; add one, or monitor "+
				"another address", m.Host, familyOf(m.Host))
		}
		switch {
		case m.Type == WANMonitorTCP && m.Port == 0:
			c.problems.add(at.field("port"), "must be set, since type %s opens a connection", WANMonitorTCP)
		case m.Type == WANMonitorICMP && m.Port != 0:
			c.problems.add(at.field("port"), "is used with type %s only; remove it, or set the type", WANMonitorTCP)
		}
	}
	c.checkRange(at.field("intervalMilliseconds"), l.IntervalMilliseconds, minLinkInterval, maxLinkInterval)
	c.checkRange(at.field("timeoutMilliseconds"), l.TimeoutMilliseconds, minLinkTimeout, maxLinkTimeout)
	c.checkRange(at.field("failureThreshold"), l.FailureThreshold, 1, maxLinkThreshold)
	c.checkRange(at.field("successThreshold"), l.SuccessThreshold, 1, maxLinkThreshold)
	if l.Timeout() >= l.Interval() {
		c.problems.add(at.field("timeoutMilliseconds"), "%d must be less than the interval of %d; lower it, or raise the "+
			"interval", l.Timeout().Milliseconds(), l.Interval().Milliseconds())
	}
}

// checkRange refuses a value outside of a range. 0 is the default.
func (c *checker) checkRange(at path, value uint16, lowest, highest int) {
	if value != 0 && (int(value) < lowest || int(value) > highest) {
		c.problems.add(at, "must be from %d to %d and is %d", lowest, highest, value)
	}
}

// checkSameGateways refuses links that differ only in their name.
func (c *checker) checkSameGateways(all path, links []WANLink) {
	type router struct {
		name    string
		address netip.Addr
	}
	first := map[router]int{}
	for i, l := range links {
		for j, g := range l.Gateways {
			key := router{l.Interface, g}
			earlier, taken := first[key]
			switch {
			case !taken:
				first[key] = i
			case earlier != i:
				c.problems.add(all.index(i).field("gateways").index(j), "%s on interface %q is the gateway of entry %d already; "+
					"remove one of the links", g, l.Interface, earlier)
			}
		}
	}
}

// checkDefaultRoutes refuses default routes next to links, which are the default routes.
func (c *checker) checkDefaultRoutes() {
	for i, r := range c.document.Routing.Routes {
		if !r.To.IsValid() || r.To.Bits() > 0 {
			continue
		}
		if family := familyOf(r.To.Addr()); c.document.WAN.HasGateway(family) {
			c.problems.add(spec.field("routing").field("routes").index(i).field("to"), "%s is a default route, and the links "+
				"of wan are the default routes of %s; remove the route, or make it a link", r.To, family)
		}
	}
}
