package document

import (
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"github.com/hapair-io/hapair/internal/contract"
)

func (c *checker) checkDynamicRouting() {
	d := c.document.Routing.Dynamic
	if !d.IsEnabled() {
		if d.Raw != "" || d.RouterID.IsValid() {
			c.problems.add(dynamicRouting, "at least one of ospf, ospfv3, rip, ripng and bgp must be set")
		}
		return
	}
	c.checkRouterID(d)
	c.checkOSPF(dynamicRouting.field("ospf"), d.OSPF)
	c.checkOSPFv3(dynamicRouting.field("ospfv3"), d.OSPFv3)
	c.checkRIP(dynamicRouting, d)
	if d.BGP.IsEnabled() {
		c.checkBGP(dynamicRouting.field("bgp"), d)
	}
	c.checkRaw(dynamicRouting.field("raw"), d.Raw)
}

func (c *checker) checkRouterID(d DynamicRouting) {
	at := dynamicRouting.field("routerID")
	isNeeded := d.OSPF.IsEnabled() || d.OSPFv3.IsEnabled() || d.BGP.IsEnabled()
	switch {
	case isNeeded && !d.RouterID.IsValid():
		c.problems.add(at, "ospf, ospfv3 and bgp need one, which both units share; set one, as in 203.0.113.1")
	case d.RouterID.IsValid() && (!d.RouterID.Is4() || d.RouterID.IsUnspecified()):
		c.problems.add(at, "%s must have the form of an IPv4 address other than 0.0.0.0", d.RouterID)
	}
}

// interfaceList checks the interfaces of one protocol.
type interfaceList struct {
	*checker
	seen map[string]path
}

func (c *checker) newInterfaceList() interfaceList { return interfaceList{c, map[string]path{}} }

func (l interfaceList) check(at path, name string) {
	if name == contract.TunnelInterface {
		l.problems.add(at, "routers are not reached by tunnels; name a network of the pair")
		return
	}
	l.checkRouteInterface(at, name)
	if earlier, taken := l.seen[name]; taken {
		l.problems.add(at, "interface %q is %s already; keep one of them", name, earlier)
		return
	}
	l.seen[name] = at
}

// checkArea checks an area of either version of OSPF.
func (c *checker) checkArea(at path, id netip.Addr, kind OSPFAreaType, interfaces int, seen map[netip.Addr]int, i int) {
	if !id.Is4() {
		c.problems.add(at.field("id"), "%s must have the form of an IPv4 address, as in 0.0.0.0 for the backbone", id)
		return
	}
	if earlier, taken := seen[id]; taken {
		c.problems.add(at.field("id"), "entry %d has the area %s already; join their interfaces in one entry", earlier, id)
	}
	seen[id] = i
	if id.IsUnspecified() && kind != "" && kind != OSPFNormal {
		c.problems.add(at.field("type"), "the backbone is a Normal area; remove the type, or use another area")
	}
	if interfaces == 0 {
		c.problems.add(at.field("interfaces"), "at least one is needed")
	}
	c.checkCount(at.field("interfaces"), interfaces, maxInterfaces)
}

func (c *checker) checkOSPF(at path, o OSPF) {
	all, seen, interfaces := at.field("areas"), map[netip.Addr]int{}, c.newInterfaceList()
	c.checkCount(all, len(o.Areas), maxAreas)
	for i, area := range o.Areas {
		at := all.index(i)
		c.checkArea(at, area.ID, area.Type, len(area.Interfaces), seen, i)
		for j, n := range area.Interfaces {
			at := at.field("interfaces").index(j)
			interfaces.check(at.field("name"), n.Name)
			c.checkTimers(at, n.HelloSeconds, n.DeadSeconds)
			c.checkRoutingKey(at.field("authentication"), n.Authentication)
		}
	}
}

func (c *checker) checkOSPFv3(at path, o OSPFv3) {
	all, seen, interfaces := at.field("areas"), map[netip.Addr]int{}, c.newInterfaceList()
	c.checkCount(all, len(o.Areas), maxAreas)
	for i, area := range o.Areas {
		at := all.index(i)
		c.checkArea(at, area.ID, area.Type, len(area.Interfaces), seen, i)
		for j, n := range area.Interfaces {
			at := at.field("interfaces").index(j)
			interfaces.check(at.field("name"), n.Name)
			c.checkTimers(at, n.HelloSeconds, n.DeadSeconds)
		}
	}
}

// Timers of OSPF (RFC 2328, appendix C.3).
const (
	// DefaultHelloSeconds is the time between two hellos.
	DefaultHelloSeconds = 10
	// DeadFactor is how many of them a router may miss.
	DeadFactor = 4
)

// checkTimers checks that the time after which a router is gone is longer than the time between its hellos.
func (c *checker) checkTimers(at path, hello, dead uint16) {
	if hello == 0 {
		hello = DefaultHelloSeconds
	}
	if dead != 0 && (dead < minDeadSeconds || dead <= hello) {
		c.problems.add(at.field("deadSeconds"), "must be longer than helloSeconds, which is %d", hello)
	}
	if dead == 0 && int(hello)*DeadFactor > 65535 {
		c.problems.add(at.field("deadSeconds"), "must be set with so large a helloSeconds")
	}
}

func (c *checker) checkRoutingKey(at path, k RoutingKey) {
	if k == (RoutingKey{}) {
		return
	}
	if k.ID > maxKeyID {
		c.problems.add(at.field("id"), "must be at most %d", maxKeyID)
	}
	c.checkSecretKey(at.field("key"), k.Key)
}

func (c *checker) checkSecretKey(at path, key SecretKey) {
	if !secretKeyPattern.MatchString(string(key)) {
		c.problems.add(at, "%q is not the name of an entry of a Secret: a-z, A-Z, 0-9, '-', '_' and '.'", key)
	}
}

func (c *checker) checkRIP(at path, d DynamicRouting) {
	all, interfaces := at.field("rip").field("interfaces"), c.newInterfaceList()
	c.checkCount(all, len(d.RIP.Interfaces), maxInterfaces)
	for i, n := range d.RIP.Interfaces {
		interfaces.check(all.index(i).field("name"), n.Name)
		c.checkRoutingKey(all.index(i).field("authentication"), n.Authentication)
	}
	all, interfaces = at.field("ripng").field("interfaces"), c.newInterfaceList()
	c.checkCount(all, len(d.RIPng.Interfaces), maxInterfaces)
	for i, n := range d.RIPng.Interfaces {
		interfaces.check(all.index(i).field("name"), n.Name)
	}
}

func (c *checker) checkBGP(at path, d DynamicRouting) {
	b := d.BGP
	c.checkASN(at.field("asn"), b.ASN)
	all := at.field("neighbours")
	if len(b.Neighbours) == 0 {
		c.problems.add(all, "at least one is needed")
	}
	c.checkCount(all, len(b.Neighbours), maxBGPNeighbours)
	c.checkCount(at.field("networks"), len(b.Networks), maxNames)
	seen := map[netip.Addr]int{}
	for i, n := range b.Neighbours {
		at := all.index(i)
		if earlier, taken := seen[n.Address]; taken {
			c.problems.add(at.field("address"), "entry %d has the address %s already; keep one of them", earlier, n.Address)
		}
		seen[n.Address] = i
		if n.Address == d.RouterID {
			c.problems.add(at.field("address"), "%s is the routerID of the pair, which no other router may have; give the "+
				"pair another", n.Address)
		}
		c.checkASN(at.field("asn"), n.ASN)
		c.checkBGPAddresses(at, n)
		if n.Hops > maxHops {
			c.problems.add(at.field("hops"), "must be at most %d", maxHops)
		}
		if n.Hops > 1 && n.ASN == b.ASN {
			c.problems.add(at.field("hops"), "is for neighbours in other autonomous systems; remove it")
		}
		if n.HoldSeconds != 0 && n.HoldSeconds < minHoldSeconds {
			c.problems.add(at.field("holdSeconds"), "must be at least %d", minHoldSeconds)
		}
		if n.PasswordKey != "" {
			c.checkSecretKey(at.field("passwordKey"), n.PasswordKey)
		}
		c.checkFilter(at.field("accept"), n.Accept, n.Address)
		c.checkFilter(at.field("announce"), n.Announce, n.Address)
	}
}

func (c *checker) checkASN(at path, asn uint32) {
	if asn > maxASN {
		c.problems.add(at, "must be at most %d", uint32(maxASN))
	}
}

func (c *checker) checkBGPAddresses(at path, n BGPNeighbour) {
	virtual := c.virtualAddresses()
	switch {
	case n.Address.IsValid() && !n.Address.IsGlobalUnicast():
		c.problems.add(at.field("address"), "%s is not a unicast address that is neither loopback, link-local nor "+
			"unspecified; give one", n.Address)
	case slices.Contains(virtual, n.Address):
		c.problems.add(at.field("address"), "%s is a virtual address of the pair itself; give the address of the "+
			"neighbour", n.Address)
	}
	switch {
	case n.LocalAddress.Is4() != n.Address.Is4():
		c.problems.add(at.field("localAddress"), "%s must be of the same family as address", n.LocalAddress)
	case len(virtual) > 0 && !slices.Contains(virtual, n.LocalAddress):
		c.problems.add(at.field("localAddress"), "%s is not a virtual address of the pair, so that the connection could "+
			"not move to the other unit; give one", n.LocalAddress)
	case !n.LocalAddress.IsGlobalUnicast():
		c.problems.add(at.field("localAddress"), "%s is not a unicast address that is neither loopback, link-local nor "+
			"unspecified; give one", n.LocalAddress)
	}
}

// checkFilter checks the prefixes of a filter.
func (c *checker) checkFilter(at path, filter []netip.Prefix, neighbour netip.Addr) {
	c.checkCount(at, len(filter), maxNames)
	for i, p := range filter {
		if p.Addr().Is4() != neighbour.Is4() {
			c.problems.add(at.index(i), "%s is %s and the neighbour is %s; both must be of one family",
				p, familyOf(p.Addr()), familyOf(neighbour))
		}
	}
}

// checkRaw checks lines for FRR. FRR itself checks what they mean.
func (c *checker) checkRaw(at path, raw string) {
	if len(raw) > maxRawBytes {
		c.problems.add(at, "has %d bytes, at most %d are allowed", len(raw), maxRawBytes)
	}
	isStrange := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
	for i, line := range strings.Split(raw, "\n") {
		words := strings.Fields(line)
		if len(words) > 0 && words[0] == "no" {
			words = words[1:]
		}
		switch {
		case strings.ContainsFunc(line, isStrange):
			c.problems.add(at, "line %d has a character that is not printable; remove it", i+1)
		case len(words) == 0:
		case isOneOf(words[0], forbiddenCommands):
			c.problems.add(at, "line %d: the command %q is not about routing; remove it, or write it out", i+1, words[0])
		case len(words) > 1 && isOneOf(words[0], []string{"interface"}):
			c.checkRouteInterface(at, words[1])
		}
	}
}

// forbiddenCommands are commands of FRR that configure its programs or other tables, or leave its configuration.
var forbiddenCommands = []string{
	"agentx", "allow-external-route-update", "banner", "configure", "do", "domainname", "enable", "end", "fpm", "hostname",
	"line", "log", "mgmt", "netns", "password", "service", "username", "vrf", "zebra",
}

// isOneOf reports whether FRR may take a word for one of the commands. It accepts the beginning of a command too.
func isOneOf(word string, commands []string) bool {
	return slices.ContainsFunc(commands, func(command string) bool { return strings.HasPrefix(command, word) })
}
