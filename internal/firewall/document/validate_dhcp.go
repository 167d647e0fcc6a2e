package document

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

var (
	hostnamePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	domainPattern   = regexp.MustCompile(
		`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?[.])*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	portalPattern = regexp.MustCompile(`^https://[!-~]+$`)
)

const (
	maxHostname = 63
	maxDomain   = 253
	maxPortal   = 255
	// maxSubnetBits leaves at least one address for a host besides the server.
	maxSubnetBits = 30
)

// pool is a range or a reservation, and where the document has it.
type pool struct {
	Block
	at path
	// network is the index of its network.
	network int
	// isReserved is set if one host alone gets its address.
	isReserved bool
}

func (c *checker) checkDHCP() {
	networks, all := c.document.DHCP.Networks, spec.field("dhcp").field("networks")
	c.checkCount(all, len(networks), maxDHCPNetworks)
	var pools []pool
	for i, n := range networks {
		at := all.index(i)
		c.checkDHCPNetwork(at, n)
		c.checkOtherSubnets(at, networks[:i], n)
		c.checkReservations(at.field("reservations"), n)
		c.checkOptions(at.field("options"), n)
		pools = append(pools, poolsOf(at, i, n)...)
	}
	for _, p := range pools {
		c.checkPool(p, networks[p.network])
	}
	c.checkOverlaps(pools)
}

// poolsOf returns the addresses that a network gives.
func poolsOf(at path, network int, n DHCPNetwork) (pools []pool) {
	for i, r := range n.Ranges {
		pools = append(pools, pool{Block: r, at: at.field("ranges").index(i), network: network})
	}
	for i, r := range n.Reservations {
		pools = append(pools, pool{
			Block: Block{r.Address, r.Address}, at: at.field("reservations").index(i).field("address"), network: network,
			isReserved: true,
		})
	}
	return pools
}

func (c *checker) checkDHCPNetwork(at path, n DHCPNetwork) {
	c.checkRouteInterface(at.field("interface"), n.Interface)
	c.checkCount(at.field("ranges"), len(n.Ranges), maxDHCPRanges)
	c.checkCount(at.field("relays"), len(n.Relays), maxRelays)
	if len(n.Ranges) == 0 && len(n.Reservations) == 0 {
		c.problems.add(at.field("ranges"), "must be set, or reservations, since the server would have no address to give")
	}
	if n.Subnet.IsValid() && (!n.Subnet.Addr().Is4() || n.Subnet.Bits() > maxSubnetBits) {
		c.problems.add(at.field("subnet"), "%s is not an IPv4 prefix of at most %d bits, as in 192.168.50.0/24", n.Subnet,
			maxSubnetBits)
	}
	if n.LeaseSeconds != 0 && (n.LeaseSeconds < minLeaseSeconds || n.LeaseSeconds > maxLeaseSeconds) {
		c.problems.add(at.field("leaseSeconds"), "must be from %d to %d", minLeaseSeconds, maxLeaseSeconds)
	}
	c.checkServer(at.field("address"), n)
	for i, r := range n.Relays {
		switch at := at.field("relays").index(i); {
		case !isHost(r):
			c.problems.add(at, "%s is not the IPv4 address of a relay agent", r)
		case !n.Subnet.Contains(r):
			c.problems.add(at, "%s is not in the subnet %s; give the address that the relay has there", r, n.Subnet)
		}
	}
}

// isHost reports whether a host can have an IPv4 address.
func isHost(a netip.Addr) bool { return a.Is4() && a.IsGlobalUnicast() && !notForwarded[0].Contains(a) }

// checkServer checks the address of the server.
func (c *checker) checkServer(at path, n DHCPNetwork) {
	switch {
	case !n.Address.IsValid():
		return
	case !isHost(n.Address):
		c.problems.add(at, "%s is not an IPv4 address that the pair can have", n.Address)
		return
	case !n.IsRelayed() && !n.Subnet.Contains(n.Address):
		c.problems.add(at, "%s is not in the subnet %s; give the virtual address there, or relays", n.Address, n.Subnet)
		return
	}
	addresses := c.addressesOf(n.Interface)
	if len(addresses) == 0 {
		return
	}
	i := slices.IndexFunc(addresses, func(p netip.Prefix) bool { return p.Addr() == n.Address })
	switch {
	case i < 0:
		c.problems.add(at, "%s is not a virtual address of network %q, so that no host could reach the server; its "+
			"addresses are: %s", n.Address, n.Interface, list(texts(addresses)))
	case !n.IsRelayed() && addresses[i].Masked() != n.Subnet:
		c.problems.add(at, "%s has the prefix length %d in network %q, and subnet has %d; make them equal",
			n.Address, addresses[i].Bits(), n.Interface, n.Subnet.Bits())
	}
}

// checkOtherSubnets checks that the subnet of a network overlaps with no earlier one. So each request has one network.
func (c *checker) checkOtherSubnets(at path, earlier []DHCPNetwork, n DHCPNetwork) {
	for i, other := range earlier {
		if n.Subnet.IsValid() && other.Subnet.IsValid() && n.Subnet.Overlaps(other.Subnet) {
			c.problems.add(at.field("subnet"), "%s overlaps with %s of entry %d; join the entries", n.Subnet, other.Subnet, i)
		}
		if n.Interface == other.Interface && !n.IsRelayed() && !other.IsRelayed() {
			c.problems.add(at.field("interface"), "entry %d gives addresses to the hosts on %q already; join the entries",
				i, n.Interface)
		}
	}
}

func (c *checker) checkReservations(at path, n DHCPNetwork) {
	c.checkCount(at, len(n.Reservations), maxReservations)
	first := map[string]int{}
	for i, r := range n.Reservations {
		at := at.index(i)
		if !r.MAC.isUnicast() {
			c.problems.add(at.field("mac"), "%q is not a unicast MAC address, as in 02:00:5e:10:00:77", r.MAC)
		}
		mac := strings.ToLower(string(r.MAC))
		if earlier, taken := first[mac]; taken {
			c.problems.add(at.field("mac"), "entry %d has an address for %s already; keep one of them", earlier, r.MAC)
		} else {
			first[mac] = i
		}
		if r.Hostname != "" && (len(r.Hostname) > maxHostname || !hostnamePattern.MatchString(r.Hostname)) {
			c.problems.add(at.field("hostname"), "%q is not a host's name: a-z, 0-9 and '-', neither first nor last '-', at "+
				"most %d characters", r.Hostname, maxHostname)
		}
	}
}

// checkPool checks a range, or the address of a reservation.
func (c *checker) checkPool(p pool, n DHCPNetwork) {
	if !p.First.IsValid() || !p.First.Is4() {
		c.problems.add(p.at, "must be IPv4 addresses, as in 192.168.50.100-192.168.50.199")
		return
	}
	if !n.Subnet.IsValid() || !n.Subnet.Addr().Is4() {
		return
	}
	if !n.Subnet.Contains(p.First) || !n.Subnet.Contains(p.Last) {
		c.problems.add(p.at, "%s is not in the subnet %s", p.Block, n.Subnet)
		return
	}
	for _, reserved := range []netip.Addr{n.Subnet.Masked().Addr(), lastOf(n.Subnet.Masked())} {
		if p.Contains(reserved) {
			c.problems.add(p.at, "%s has %s, the address or the broadcast address of the subnet, which no host can have",
				p.Block, reserved)
			return
		}
	}
	for _, a := range slices.Concat([]netip.Addr{n.Address}, n.Relays, c.virtualAddresses(), n.Options.Routers) {
		if p.Contains(a) {
			c.problems.add(p.at, "%s has %s, which the pair, a relay or a router has; leave it out", p.Block, a)
			return
		}
	}
}

// checkOverlaps checks that no two ranges and no two reservations have an address in common. A reservation in a range
// is left out of the range.
func (c *checker) checkOverlaps(pools []pool) {
	total := uint64(0)
	var valid []pool
	for _, p := range pools {
		if p.First.IsValid() && p.First.Is4() {
			valid = append(valid, p)
			total += p.SizeIPv4()
		}
	}
	if total > maxPoolAddresses {
		c.problems.add(spec.field("dhcp").field("networks"), "have %d addresses in ranges and reservations, at most %d are "+
			"allowed", total, maxPoolAddresses)
	}
	// Sorted by their first address, a pool that overlaps with an earlier one does so with the one that ends last.
	slices.SortStableFunc(valid, func(a, b pool) int { return a.First.Compare(b.First) })
	last := map[bool]*pool{}
	for i := range valid {
		p := &valid[i]
		if earlier := last[p.isReserved]; earlier != nil && p.First.Compare(earlier.Last) <= 0 {
			c.problems.add(p.at, "%s overlaps with %s in %s", p.Block, earlier.Block, earlier.at)
		}
		if earlier := last[p.isReserved]; earlier == nil || earlier.Last.Compare(p.Last) < 0 {
			last[p.isReserved] = p
		}
	}
}

func (c *checker) checkOptions(at path, n DHCPNetwork) {
	o := n.Options
	for _, servers := range []struct {
		field     string
		addresses []netip.Addr
	}{{"routers", o.Routers}, {"dnsServers", o.DNSServers}, {"ntpServers", o.NTPServers}} {
		at := at.field(servers.field)
		c.checkCount(at, len(servers.addresses), maxServers)
		for i, a := range servers.addresses {
			if !isHost(a) {
				c.problems.add(at.index(i), "%s is not the IPv4 address of a host", a)
			}
		}
	}
	for i, r := range o.Routers {
		if isHost(r) && n.Subnet.IsValid() && !n.Subnet.Contains(r) {
			c.problems.add(at.field("routers").index(i), "%s is not in the subnet %s, so that hosts cannot reach it", r,
				n.Subnet)
		}
	}
	if o.Domain != "" && (len(o.Domain) > maxDomain || !domainPattern.MatchString(o.Domain)) {
		c.problems.add(at.field("domain"), "%q is not a DNS name in lower case without a dot at its end, as in example.com",
			o.Domain)
	}
	if o.MTU != 0 && o.MTU < minMTU {
		c.problems.add(at.field("mtu"), "must be at least %d, which every link of IPv4 carries (RFC 791)", minMTU)
	}
	if o.CaptivePortal != "" && (len(o.CaptivePortal) > maxPortal || !portalPattern.MatchString(o.CaptivePortal)) {
		c.problems.add(at.field("captivePortal"), "%q is not a URI that begins with https:// and has at most %d characters",
			o.CaptivePortal, maxPortal)
	}
	c.checkHostRoutes(at.field("classlessRoutes"), n)
}

func (c *checker) checkHostRoutes(at path, n DHCPNetwork) {
	c.checkCount(at, len(n.Options.ClasslessRoutes), maxHostRoutes)
	first := map[netip.Prefix]int{}
	for i, r := range n.Options.ClasslessRoutes {
		at := at.index(i)
		if !r.To.IsValid() || !r.To.Addr().Is4() {
			c.problems.add(at.field("to"), "must be an IPv4 prefix, as in 10.20.0.0/16")
			continue
		}
		if !isHost(r.Via) || !n.Subnet.Contains(r.Via) {
			c.problems.add(at.field("via"), "%s is not an address in the subnet, so that hosts cannot reach it", r.Via)
		}
		if earlier, taken := first[r.To]; taken {
			c.problems.add(at.field("to"), "entry %d has a route to %s already; keep one of them", earlier, r.To)
			continue
		}
		first[r.To] = i
	}
}
