package document

import (
	"net/netip"
	"slices"
)

// Network is a network of a pair, for the checks that need more than the document.
type Network struct {
	// Name is that of the network and of its interface.
	Name string
	// Addresses are the virtual addresses, each with the prefix length of its network. Without addresses, nothing that
	// depends on them is checked.
	Addresses []netip.Prefix
}

func networkNames(networks []Network) []string {
	names := make([]string, 0, len(networks))
	for _, n := range networks {
		names = append(names, n.Name)
	}
	return names
}

// virtualAddresses returns the virtual addresses of all networks.
func (c *checker) virtualAddresses() (all []netip.Addr) {
	for _, n := range c.networks {
		for _, a := range n.Addresses {
			all = append(all, a.Addr())
		}
	}
	return all
}

// addressesOf returns the virtual addresses of a network; none if they are not known.
func (c *checker) addressesOf(network string) []netip.Prefix {
	i := slices.IndexFunc(c.networks, func(n Network) bool { return n.Name == network })
	if i < 0 {
		return nil
	}
	return c.networks[i].Addresses
}

func texts(prefixes []netip.Prefix) []string {
	all := make([]string, 0, len(prefixes))
	for _, p := range prefixes {
		all = append(all, p.String())
	}
	return all
}

// checkNotConnected reports a destination that is a network or a virtual address of the pair. Both are reached without
// a route, so one would never be used.
func (c *checker) checkNotConnected(at path, to netip.Prefix) {
	for _, n := range c.networks {
		for _, a := range n.Addresses {
			switch {
			case to.IsSingleIP() && to.Addr() == a.Addr():
				c.problems.add(at, "%s is a virtual address of network %q, which needs no route; remove the entry",
					a.Addr(), n.Name)
				return
			case to == a.Masked():
				c.problems.add(at, "%s is network %q of the pair itself, which needs no route; remove the entry", to, n.Name)
				return
			}
		}
	}
}

// checkNextHop checks that a next hop is a neighbour. The kernel would send to any address as if it were one. The
// destination is not valid for a policy route and for a link.
func (c *checker) checkNextHop(at path, via netip.Addr, name string, to netip.Prefix) {
	if c.networks == nil || via.Is6() && via.IsLinkLocalUnicast() {
		return
	}
	if slices.Contains(c.virtualAddresses(), via) {
		c.problems.add(at, "%s is a virtual address of the pair itself, so that packets would go in a circle; "+
			"give the address of another router", via)
		return
	}
	if slices.ContainsFunc(c.networks, func(n Network) bool {
		return len(n.Addresses) == 0 && (name == "" || name == n.Name)
	}) {
		return
	}
	links := c.linksOf(via)
	switch {
	case name != "" && !slices.Contains(links, name):
		c.reportUnreached(at, via, to, "is not on the network of interface \""+name+"\"")
	case len(links) == 0:
		c.reportUnreached(at, via, to, "is on no network of the pair")
	case name == "" && len(links) > 1:
		c.problems.add(at, "%s is on several networks: %s; name the interface", via, list(links))
	case c.isReserved(via):
		c.problems.add(at, "%s is the address or the broadcast address of its network, which no router has; "+
			"give the address of a router", via)
	}
}

func (c *checker) reportUnreached(at path, via netip.Addr, to netip.Prefix, why string) {
	if to.IsValid() && to.Bits() > 0 && to.Contains(via) {
		why += " and only in the destination of the route itself"
	}
	c.problems.add(at, "%s %s, so that it cannot be reached; give a next hop that is a neighbour, or add a route to %s "+
		"that has an interface and no next hop", via, why, netip.PrefixFrom(via, via.BitLen()))
}

// linksOf returns the interfaces on whose links an address is, by the longest prefix: the networks of the pair, and the
// routes that have an interface and no next hop.
func (c *checker) linksOf(a netip.Addr) []string {
	var links []string
	longest := -1
	consider := func(p netip.Prefix, name string) {
		if !p.Contains(a) || p.Bits() < longest {
			return
		}
		if p.Bits() > longest {
			links, longest = nil, p.Bits()
		}
		if !slices.Contains(links, name) {
			links = append(links, name)
		}
	}
	for _, n := range c.networks {
		for _, p := range n.Addresses {
			consider(p, n.Name)
		}
	}
	for _, r := range c.document.Routing.Routes {
		if r.isOnLink() {
			consider(r.To, r.Interface)
		}
	}
	return links
}

// isReserved reports whether an address stands for a whole IPv4 network. In /31 and /32 both ends are hosts (RFC 3021).
func (c *checker) isReserved(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	for _, n := range c.networks {
		for _, p := range n.Addresses {
			if p.Bits() < 31 && p.Contains(a) && (p.Masked().Addr() == a || lastOf(p.Masked()) == a) {
				return true
			}
		}
	}
	return false
}
