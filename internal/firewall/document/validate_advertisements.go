package document

import (
	"net/netip"
	"slices"
	"time"
)

// autonomousBits is the length of a prefix in which hosts make addresses (RFC 4291, section 2.5.1).
const autonomousBits = 64

func (c *checker) checkRouterAdvertisements() {
	networks, all := c.document.RouterAdvertisements.Networks, spec.field("routerAdvertisements").field("networks")
	c.checkCount(all, len(networks), maxAdvertisedNetworks)
	for i, n := range networks {
		at := all.index(i)
		c.checkRouteInterface(at.field("interface"), n.Interface)
		same := func(other AdvertisedNetwork) bool { return other.Interface == n.Interface }
		if first := slices.IndexFunc(networks[:i], same); first >= 0 {
			c.problems.add(at.field("interface"), "entry %d advertises on %q already; join the entries", first, n.Interface)
		}
		c.checkLinkLocal(at.field("address"), n.Interface, n.Address)
		c.checkAdvertisedTimes(at, n)
		if n.MTU != 0 && n.MTU < minIPv6MTU {
			c.problems.add(at.field("mtu"), "must be at least %d, which every link of IPv6 carries (RFC 8200)", minIPv6MTU)
		}
		c.checkPrefixes(at.field("prefixes"), n)
		c.checkIPv6DNS(at, n.DNSServers, n.SearchDomains)
	}
}

// checkLinkLocal checks the address from which hosts of a link get messages: they must know both units by the same one.
func (c *checker) checkLinkLocal(at path, name string, a netip.Addr) {
	switch {
	case !a.IsValid():
		return
	case !a.Is6() || !a.IsLinkLocalUnicast():
		c.problems.add(at, "%s is not a link-local IPv6 address, as in fe80::1, from which alone hosts take such messages", a)
		return
	}
	addresses := c.addressesOf(name)
	isVirtual := slices.ContainsFunc(addresses, func(p netip.Prefix) bool { return p.Addr() == a })
	if len(addresses) > 0 && !isVirtual {
		c.problems.add(at, "%s is not a virtual address of network %q, so that hosts would lose their router with a unit; "+
			"add %s/64 to its virtualAddresses, which are: %s", a, name, a, list(texts(addresses)))
	}
}

func (c *checker) checkAdvertisedTimes(at path, n AdvertisedNetwork) {
	interval, lifetime := n.IntervalSeconds, n.LifetimeSeconds
	if interval != 0 && (interval < minIntervalSeconds || interval > maxIntervalSeconds) {
		c.problems.add(at.field("intervalSeconds"), "must be from %d to %d", minIntervalSeconds, maxIntervalSeconds)
		return
	}
	if lifetime == 0 {
		return
	}
	if least := uint16(n.Interval() / time.Second); lifetime < least || lifetime > maxRouterSeconds {
		c.problems.add(at.field("lifetimeSeconds"), "must be from %d, the interval, to %d", least, maxRouterSeconds)
	}
}

func (c *checker) checkPrefixes(at path, n AdvertisedNetwork) {
	c.checkCount(at, len(n.Prefixes), maxAdvertisedPrefixes)
	first := map[netip.Prefix]int{}
	for i, p := range n.Prefixes {
		at := at.index(i)
		c.checkPrefixSeconds(at.field("validSeconds"), p.ValidSeconds)
		c.checkPrefixSeconds(at.field("preferredSeconds"), p.PreferredSeconds)
		if p.Preferred() > p.Valid() {
			c.problems.add(at.field("preferredSeconds"), "%d is more than validSeconds, %d; hosts ignore such a prefix",
				p.Preferred()/time.Second, p.Valid()/time.Second)
		}
		if !p.Prefix.IsValid() {
			continue
		}
		if earlier, taken := first[p.Prefix]; taken {
			c.problems.add(at.field("prefix"), "entry %d has %s already; keep one of them", earlier, p.Prefix)
			continue
		}
		first[p.Prefix] = i
		c.checkAdvertisedPrefix(at.field("prefix"), n.Interface, p)
	}
}

func (c *checker) checkPrefixSeconds(at path, seconds uint32) {
	if seconds != 0 && (seconds < minPrefixSeconds || seconds > maxPrefixSeconds) {
		c.problems.add(at, "must be from %d to %d", minPrefixSeconds, maxPrefixSeconds)
	}
}

func (c *checker) checkAdvertisedPrefix(at path, name string, p AdvertisedPrefix) {
	switch a := p.Prefix.Addr(); {
	case !a.Is6() || !a.IsGlobalUnicast():
		c.problems.add(at, "%s is not a prefix of unicast IPv6 addresses that are not link-local, as in 2001:db8:50::/64",
			p.Prefix)
		return
	case p.IsAutonomous() && p.Prefix.Bits() != autonomousBits:
		c.problems.add(at, "%s has not %d bits, so that hosts make no addresses in it; set autonomous: Disabled or change it",
			p.Prefix, autonomousBits)
		return
	}
	unknown := func(n Network) bool { return n.Name == name && len(n.Addresses) == 0 }
	if c.networks == nil || slices.ContainsFunc(c.networks, unknown) {
		return
	}
	if !slices.Contains(c.linksOf(p.Prefix.Addr()), name) {
		c.problems.add(at, "%s is not on the link of network %q, so that hosts in it would get no answers; add a virtual "+
			"address in it to the network, or a route to it that has the interface and no next hop", p.Prefix, name)
	}
}

// checkIPv6Servers checks the servers that hosts learn.
func (c *checker) checkIPv6Servers(at path, servers []netip.Addr) {
	c.checkCount(at, len(servers), maxServers)
	for i, a := range servers {
		if !a.Is6() || !a.IsGlobalUnicast() && !a.IsLinkLocalUnicast() {
			c.problems.add(at.index(i), "%s is not the IPv6 address of a server", a)
		}
	}
}

// checkIPv6DNS checks the DNS servers and search domains that hosts learn.
func (c *checker) checkIPv6DNS(at path, servers []netip.Addr, domains []string) {
	c.checkIPv6Servers(at.field("dnsServers"), servers)
	c.checkCount(at.field("searchDomains"), len(domains), maxSearchDomains)
	total := 0
	for i, d := range domains {
		total += len(d) + 2
		if len(d) > maxDomain || !domainPattern.MatchString(d) {
			c.problems.add(at.field("searchDomains").index(i), "%q is not a DNS name in lower case without a dot at its end, "+
				"as in example.com", d)
		}
	}
	if total > maxSearchBytes {
		c.problems.add(at.field("searchDomains"), "have %d bytes together, with two more for each; at most %d are allowed",
			total, maxSearchBytes)
	}
}
