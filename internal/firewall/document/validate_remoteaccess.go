package document

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// usernamePattern is that of the API. The IKE daemon reads names with other characters as patterns, or as identities of
// another type.
var usernamePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}$`)

// Bounds of the lengths of the host part of a pool, in bits. The IKE daemon ignores smaller pools, and shortens larger
// ones. The first and the last address of a pool are not given.
const (
	minPoolBits = 3
	maxPoolBits = 16
)

func (c *checker) checkRemoteAccess(at path, r RemoteAccess) {
	if !isUnicast(r.LocalAddress) {
		c.problems.add(at.field("localAddress"), "%s is not an address at which users can reach the pair; give a virtual "+
			"address", r.LocalAddress)
	}
	c.checkMoves(at.field("localAddress"), r.LocalAddress)
	c.checkIdentity(at.field("localIdentity"), r.LocalIdentity)
	c.checkPools(at.field("pools"), r)
	c.checkUserNetworks(at.field("localNetworks"), r)
	c.checkDNSServers(at.field("dnsServers"), r)
	c.checkUsers(at.field("users"), r.Users)
	c.checkSecretKeys(append(r.keys(), r.Passwords()...))
	c.checkKeys(at.field("ike"), r.IKE, true)
	c.checkKeys(at.field("esp"), r.ESP, false)
	c.checkDeadPeer(at, r.DeadPeerSeconds)
}

func (c *checker) checkPools(at path, r RemoteAccess) {
	c.checkCount(at, len(r.Pools), maxPools)
	if len(r.Pools) == 0 {
		c.problems.add(at, "at least one is needed, since each user gets an address")
	}
	for i, p := range r.Pools {
		if !p.IsValid() {
			continue
		}
		at := at.index(i)
		longest := p.Addr().BitLen() - minPoolBits
		shortest := p.Addr().BitLen() - maxPoolBits
		if p.Bits() < shortest || p.Bits() > longest {
			c.problems.add(at, "%s has a prefix length of %d; give one from %d to %d", p, p.Bits(), shortest, longest)
		}
		if earlier := slices.IndexFunc(r.Pools[:i], p.Overlaps); earlier >= 0 {
			c.problems.add(at, "%s overlaps %s of entry %d; remove one of them", p, r.Pools[earlier], earlier)
		}
		c.checkPoolIsFree(at, p)
		c.checkOtherRoutes(at, p)
	}
}

// checkPoolIsFree checks that nobody else has addresses of a pool.
func (c *checker) checkPoolIsFree(at path, pool netip.Prefix) {
	for _, n := range c.networks {
		for _, a := range n.Addresses {
			switch {
			case pool.Contains(a.Addr()):
				c.problems.add(at, "%s has the virtual address %s of network %q; give addresses that nobody else has",
					pool, a.Addr(), n.Name)
				return
			case a.Masked().Overlaps(pool):
				c.problems.add(at, "%s overlaps network %q of the pair, %s; give addresses that nobody else has",
					pool, n.Name, a.Masked())
				return
			}
		}
	}
	for i, s := range c.document.VPN.SiteToSite {
		for j, n := range s.RemoteNetworks {
			if n.Overlaps(pool) {
				c.problems.add(at, "%s overlaps %s of %s, so that the route would be ambiguous; give addresses that nobody "+
					"else has", pool, n, spec.field("vpn").field("siteToSite").index(i).field("remoteNetworks").index(j))
			}
		}
	}
	for i, n := range c.document.DHCP.Networks {
		if n.Subnet.IsValid() && n.Subnet.Overlaps(pool) {
			c.problems.add(at, "%s overlaps the subnet %s of %s; give addresses that nobody else has", pool, n.Subnet,
				spec.field("dhcp").field("networks").index(i))
		}
	}
}

// checkUserNetworks checks the networks that users reach. A user has an address of each family for which there is a
// pool.
func (c *checker) checkUserNetworks(at path, r RemoteAccess) {
	c.checkCount(at, len(r.LocalNetworks), maxNames)
	if len(r.LocalNetworks) == 0 {
		return
	}
	for i, n := range r.LocalNetworks {
		if n.IsValid() && !hasFamilyOf(r.Pools, n.Addr()) {
			c.problems.add(at.index(i), "%s has no pool of its family, so that no user could reach it; add one", n)
		}
	}
	for _, p := range r.Pools {
		if p.IsValid() && !hasFamilyOf(r.LocalNetworks, p.Addr()) {
			c.problems.add(at, "have no network of the family of pool %s; add one, or remove the pool", p)
		}
	}
}

func (c *checker) checkDNSServers(at path, r RemoteAccess) {
	c.checkCount(at, len(r.DNSServers), maxServers)
	for i, a := range r.DNSServers {
		switch {
		case !isUnicast(a):
			c.problems.add(at.index(i), "%s is not the address of a server", a)
		case !hasFamilyOf(r.Pools, a):
			c.problems.add(at.index(i), "%s has no pool of its family, so that no user could reach it; add one", a)
		}
	}
}

func hasFamilyOf(prefixes []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Addr().Is4() == a.Is4() })
}

func (c *checker) checkUsers(at path, users []RemoteUser) {
	c.checkCount(at, len(users), maxRemoteUsers)
	if len(users) == 0 {
		c.problems.add(at, "at least one is needed, since nobody could connect")
	}
	first := map[string]int{}
	for i, u := range users {
		at := at.index(i).field("name")
		if !usernamePattern.MatchString(string(u.Name)) {
			c.problems.add(at, "%q is not a user's name: a-z, A-Z, 0-9, '.', '_', '@', '+' and '-', a letter or digit first, "+
				"at most 63 characters", u.Name)
			continue
		}
		// As a name, 0.0.0.0 would give its password to everyone.
		if firstAddress(string(u.Name)).IsValid() {
			c.problems.add(at, "%q is an address or a range of addresses, and matches other names; choose another", u.Name)
			continue
		}
		// The IKE daemon compares names without regard to case.
		name := strings.ToLower(string(u.Name))
		if earlier, taken := first[name]; taken {
			c.problems.add(at, "%q is the name of entry %d already; choose another", u.Name, earlier)
			continue
		}
		first[name] = i
	}
}
