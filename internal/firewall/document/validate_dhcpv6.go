package document

import "slices"

func (c *checker) checkDHCPv6() {
	networks, all := c.document.DHCPv6.Networks, spec.field("dhcpv6").field("networks")
	c.checkCount(all, len(networks), maxAdvertisedNetworks)
	for i, n := range networks {
		at := all.index(i)
		c.checkRouteInterface(at.field("interface"), n.Interface)
		same := func(other DHCPv6Network) bool { return other.Interface == n.Interface }
		if first := slices.IndexFunc(networks[:i], same); first >= 0 {
			c.problems.add(at.field("interface"), "entry %d answers on %q already; join the entries", first, n.Interface)
		}
		c.checkLinkLocal(at.field("address"), n.Interface, n.Address)
		c.checkIPv6DNS(at, n.DNSServers, n.SearchDomains)
		c.checkIPv6Servers(at.field("ntpServers"), n.NTPServers)
		if len(n.DNSServers)+len(n.SearchDomains)+len(n.NTPServers) == 0 {
			c.problems.add(at.field("dnsServers"), "must be set, or searchDomains or ntpServers, since hosts would "+
				"learn nothing")
		}
		if s := n.RefreshSeconds; s != 0 && (s < minRefreshSeconds || s > maxPrefixSeconds) {
			c.problems.add(at.field("refreshSeconds"), "must be from %d to %d", minRefreshSeconds, maxPrefixSeconds)
		}
	}
}
