package document

import (
	"net/netip"
	"slices"
)

// minClientBits and minClientBitsIPv6 are the shortest prefixes of clients. Wider ones would make the unit an open
// resolver, which others use to flood their victims. They leave room for 10.0.0.0/8 and fc00::/7.
const (
	minClientBits     = 8
	minClientBitsIPv6 = 7
)

func (c *checker) checkDNS() {
	d, at := c.document.DNS, spec.field("dns")
	c.checkListeners(at.field("listeners"), d.Listeners)
	c.checkUpstreams(at.field("upstreams"), d.Upstreams)
	c.checkForwardedDomains(at.field("forwarding"), d.Forwarding)
	c.checkLocalDomains(at.field("localDomains"), d)
	c.checkRecords(at.field("records"), d.Records)
	if low, high := d.Cache.MinSeconds, d.Cache.MaxSeconds; high != 0 && low > high {
		c.problems.add(at.field("cache").field("minSeconds"), "%d is more than maxSeconds, %d", low, high)
	}
	c.checkCache(at.field("cache"), d.Cache)
}

func (c *checker) checkCache(at path, cache DNSCache) {
	for _, bounded := range []struct {
		field           string
		value, min, max uint32
	}{
		{"entries", cache.Entries, minCacheEntries, maxCacheEntries},
		{"minSeconds", cache.MinSeconds, 1, maxCacheMinSeconds},
		{"maxSeconds", cache.MaxSeconds, 1, maxCacheSeconds},
		{"negativeSeconds", cache.NegativeSeconds, 1, maxCacheSeconds},
	} {
		if v := bounded.value; v != 0 && (v < bounded.min || v > bounded.max) {
			c.problems.add(at.field(bounded.field), "must be from %d to %d", bounded.min, bounded.max)
		}
	}
}

func (c *checker) checkListeners(at path, listeners []DNSListener) {
	c.checkCount(at, len(listeners), maxDNSListeners)
	for i, l := range listeners {
		at := at.index(i)
		c.checkRouteInterface(at.field("interface"), l.Interface)
		c.checkListeningAddress(at.field("address"), l)
		same := func(other DNSListener) bool { return other.Address == l.Address }
		if first := slices.IndexFunc(listeners[:i], same); first >= 0 && l.Address.IsValid() {
			c.problems.add(at.field("address"), "entry %d listens at %s already; join their clients", first, l.Address)
		}
		c.checkClients(at.field("clients"), l)
	}
}

// checkListeningAddress checks that clients reach both units at the same address.
func (c *checker) checkListeningAddress(at path, l DNSListener) {
	if !l.Address.IsValid() {
		return
	}
	if !isUnicast(l.Address) {
		c.problems.add(at, "%s is not a unicast address that packets can be routed to; give a virtual address, as in "+
			"192.168.50.1 or fd50::1", l.Address)
		return
	}
	addresses := c.addressesOf(l.Interface)
	isVirtual := slices.ContainsFunc(addresses, func(p netip.Prefix) bool { return p.Addr() == l.Address })
	if len(addresses) > 0 && !isVirtual {
		c.problems.add(at, "%s is not a virtual address of network %q, so that no host could reach it; its addresses are: %s",
			l.Address, l.Interface, list(texts(addresses)))
	}
}

func (c *checker) checkClients(at path, l DNSListener) {
	c.checkCount(at, len(l.Clients), maxNames)
	for i, p := range l.Clients {
		at, least := at.index(i), minClientBits
		if p.Addr().Is6() {
			least = minClientBitsIPv6
		}
		switch {
		case !p.IsValid() || !l.Address.IsValid():
		case p.Addr().Is4() != l.Address.Is4():
			c.problems.add(at, "%s is of another address family than %s, at which its hosts cannot ask; "+
				"list it at an address of its own family", p, l.Address)
		case p.Bits() < least:
			c.problems.add(at, "%s is not a network of yours, so that strangers could use the pair to flood others; "+
				"give prefixes of at least %d bits", p, least)
		}
	}
}

// isUnicast reports whether a single host can have an address, and be reached at it from other links.
func isUnicast(a netip.Addr) bool { return a.IsGlobalUnicast() && !a.Is4() || isHost(a) }

func (c *checker) checkUpstreams(at path, upstreams []DNSUpstream) {
	c.checkCount(at, len(upstreams), maxUpstreams)
	for i, u := range upstreams {
		c.checkUpstream(at.index(i), u)
		same := func(other DNSUpstream) bool { return other.AddrPort() == u.AddrPort() }
		if first := slices.IndexFunc(upstreams[:i], same); first >= 0 && u.Address.IsValid() {
			c.problems.add(at.index(i).field("address"), "entry %d is %s already; keep one of them", first, u.AddrPort())
		}
	}
}

func (c *checker) checkUpstream(at path, u DNSUpstream) {
	isListener := func(l DNSListener) bool { return l.Address == u.Address }
	switch {
	case !u.Address.IsValid():
		return
	case !isUnicast(u.Address):
		c.problems.add(at.field("address"), "%s is not a unicast address of a server", u.Address)
	case slices.ContainsFunc(c.document.DNS.Listeners, isListener), slices.Contains(c.virtualAddresses(), u.Address):
		c.problems.add(at.field("address"), "%s is an address of the pair itself, so that questions would go in a circle; "+
			"give another server", u.Address)
	}
	if t := u.TimeoutMilliseconds; t != 0 && (t < minUpstreamTimeout || t > maxUpstreamTimeout) {
		c.problems.add(at.field("timeoutMilliseconds"), "must be from %d to %d", minUpstreamTimeout, maxUpstreamTimeout)
	}
	c.checkQuerySource(at.field("source"), u)
}

func (c *checker) checkQuerySource(at path, u DNSUpstream) {
	isUnknown := func(n Network) bool { return len(n.Addresses) == 0 }
	switch {
	case !u.Source.IsValid():
	case !isUnicast(u.Source):
		c.problems.add(at, "%s is not a unicast address that answers can be routed to; give a virtual address", u.Source)
	case u.Source.Is4() != u.Address.Is4():
		c.problems.add(at, "%s is of another address family than the server, %s", u.Source, u.Address)
	case c.networks == nil || slices.ContainsFunc(c.networks, isUnknown):
	case !slices.Contains(c.virtualAddresses(), u.Source):
		c.problems.add(at, "%s is not a virtual address of the pair, so that no answer would arrive; give one, or leave "+
			"the field out", u.Source)
	}
}

// checkDomain checks the form of a name, and returns whether it has it.
func (c *checker) checkDomain(at path, name string) bool {
	if len(name) > maxDomain || !domainPattern.MatchString(name) {
		c.problems.add(at, "%q is not a DNS name in lower case without a dot at its end, as in example.com", name)
		return false
	}
	return true
}

func (c *checker) checkForwardedDomains(at path, forwarding []DNSForwarding) {
	c.checkCount(at, len(forwarding), maxForwarding)
	first := map[string]path{}
	for i, f := range forwarding {
		at := at.index(i)
		c.checkUpstreams(at.field("upstreams"), f.Upstreams)
		c.checkCount(at.field("domains"), len(f.Domains), maxNames)
		for j, name := range f.Domains {
			at := at.field("domains").index(j)
			if earlier, taken := first[name]; taken {
				c.problems.add(at, "%q is in %s already; keep one of them", name, earlier)
			} else if c.checkDomain(at, name) {
				first[name] = at
			}
		}
	}
}

func (c *checker) checkLocalDomains(at path, d DNS) {
	c.checkCount(at, len(d.LocalDomains), maxNames)
	for i, name := range d.LocalDomains {
		if !c.checkDomain(at.index(i), name) {
			continue
		}
		isSame := func(f DNSForwarding) bool { return slices.Contains(f.Domains, name) }
		if j := slices.IndexFunc(d.Forwarding, isSame); j >= 0 {
			c.problems.add(at.index(i), "%q is in the domains of forwarding entry %d, which a local domain never is; "+
				"keep one of them", name, j)
		}
	}
}

func (c *checker) checkRecords(at path, records []DNSRecord) {
	c.checkCount(at, len(records), maxDNSRecords)
	first, aliases := map[string]int{}, map[string]string{}
	for i, r := range records {
		at := at.index(i)
		c.checkDomain(at.field("name"), r.Name)
		if earlier, taken := first[r.Name]; taken {
			c.problems.add(at.field("name"), "entry %d has %q already; join the entries", earlier, r.Name)
			continue
		}
		first[r.Name] = i
		c.checkCount(at.field("addresses"), len(r.Addresses), maxRecordAddresses)
		for j, a := range r.Addresses {
			if !isUnicast(a) {
				c.problems.add(at.field("addresses").index(j), "%s is not the unicast address of a host", a)
			}
		}
		switch {
		case r.Alias == "" && len(r.Addresses) == 0:
			c.problems.add(at.field("addresses"), "must be set, or alias")
		case r.Alias != "" && len(r.Addresses) > 0:
			c.problems.add(at.field("alias"), "must not be set with addresses: an alias has those of the other name")
		case r.Alias != "" && c.checkDomain(at.field("alias"), r.Alias):
			aliases[r.Name] = r.Alias
		}
	}
	for i, r := range records {
		if isCircle(aliases, r.Name) {
			c.problems.add(at.index(i).field("alias"), "%q leads back to %q; let one of them have addresses", r.Alias, r.Name)
		}
	}
}

// isCircle reports whether the aliases of a name lead back to it.
func isCircle(aliases map[string]string, name string) bool {
	next := aliases[name]
	for range aliases {
		if next == "" || next == name {
			break
		}
		next = aliases[next]
	}
	return next == name
}
