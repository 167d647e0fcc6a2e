package document

import (
	"regexp"
	"slices"

	"github.com/hapair-io/hapair/internal/contract"
)

// Names become names of chains and sets in the kernel, prefixes of log lines, and parts of messages.
var (
	namePattern      = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	interfacePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,14}$`)
)

// spec is the path of a document in its object.
const spec path = "spec"

// Validate checks what the types cannot express. The networks are those of the pair. Each must be in exactly one zone,
// since traffic between interfaces of no zone is not filtered, and each next hop must be on one of them. Without
// networks none of this is checked; the firewall itself does not know them.
func (d Document) Validate(networks []Network) error {
	c := newChecker(d, networks)
	c.checkZones(c.withTunnels(networkNames(networks)))
	c.checkAddresses()
	c.checkMembers()
	c.checkDynamicObjects()
	c.checkResolvers()
	c.checkServices()
	c.checkPolicies()
	c.checkSourceNAT()
	c.checkDestinationNAT()
	c.checkRoutes()
	c.checkPolicyRoutes()
	c.checkDynamicRouting()
	c.checkWAN()
	c.checkNeighbours()
	c.checkMulticast()
	c.checkDHCP()
	c.checkDHCPv6()
	c.checkRouterAdvertisements()
	c.checkDNS()
	c.checkVPN()
	if c.problems.count() == 0 {
		c.checkSize()
	}
	return c.problems.err()
}

// ValidateFor checks a document that Validate accepts without networks against those of a pair. A document that many
// pairs use is checked once by Validate and for each pair by this, which is faster.
func (d Document) ValidateFor(networks []Network) error {
	c := newChecker(d, networks)
	c.checkZones(c.withTunnels(networkNames(networks)))
	c.checkRoutes()
	c.checkPolicyRoutes()
	c.checkDynamicRouting()
	c.checkWAN()
	c.checkNeighbours()
	c.checkMulticast()
	c.checkDHCP()
	c.checkDHCPv6()
	c.checkRouterAdvertisements()
	c.checkDNS()
	c.checkVPN()
	return c.problems.err()
}

// checker holds what the checks share: the objects by name, and the problems found.
type checker struct {
	document  Document
	networks  []Network
	zones     map[string]Zone
	addresses map[string]Address
	services  map[string]Service
	problems  Problems
	// Names in the order of the document, for messages.
	zoneNames, addressNames, serviceNames []string
}

func newChecker(d Document, networks []Network) *checker {
	c := &checker{
		document:  d,
		networks:  networks,
		zones:     map[string]Zone{},
		addresses: map[string]Address{},
		services:  map[string]Service{},

		zoneNames:    namesOf(d.Zones),
		addressNames: namesOf(d.Addresses),
		serviceNames: namesOf(d.Services),
	}
	for _, z := range d.Zones {
		c.zones[z.Name] = z
	}
	for _, a := range d.Addresses {
		c.addresses[a.Name] = a
	}
	for _, s := range d.Services {
		c.services[s.Name] = s
	}
	return c
}

func (c *checker) checkZones(interfaces []string) {
	zones, all := c.document.Zones, spec.field("zones")
	if len(zones) == 0 {
		c.problems.add(all, "at least one is needed; without one nothing would be filtered")
	}
	c.checkCount(all, len(zones), maxZones)
	c.checkNames(all, len(zones), func(i int) string { return zones[i].Name })

	zoneOf := map[string]string{}
	count := 0
	for i, z := range zones {
		at := all.index(i)
		if z.Name == ZoneFirewall {
			c.problems.add(at.field("name"), "%q is reserved for the unit itself; choose another name", ZoneFirewall)
		}
		if len(z.Interfaces) == 0 {
			c.problems.add(at.field("interfaces"), "at least one is needed")
		}
		c.checkCount(at.field("interfaces"), len(z.Interfaces), maxInterfaces)
		if z.MTU != 0 && z.MTU < minMTU {
			c.problems.add(at.field("mtu"), "must be at least %d, which every link of IPv4 carries (RFC 791)", minMTU)
		}
		count += len(z.Interfaces)
		for j, name := range z.Interfaces {
			c.checkInterface(at.field("interfaces").index(j), name, z.Name, zoneOf, interfaces)
		}
	}
	if count > maxAllInterfaces {
		c.problems.add(all, "have %d interfaces together, at most %d are allowed", count, maxAllInterfaces)
	}
	for _, name := range interfaces {
		if _, zoned := zoneOf[name]; !zoned {
			c.problems.add(all, "network %q of the pair is in no zone, so that its traffic would not be filtered; "+
				"add it to the interfaces of a zone", name)
		}
	}
}

func (c *checker) checkInterface(at path, name, zone string, zoneOf map[string]string, interfaces []string) {
	switch other, taken := zoneOf[name]; {
	case !interfacePattern.MatchString(name):
		c.problems.add(at, "%q is not an interface's name: a-z, 0-9 and '-', a letter first, at most 15 characters", name)
	case name == "lo" || name == contract.PodInterface:
		c.problems.add(at, "%q is the pod's own interface and is not filtered; name a network of the pair", name)
	case taken && other == zone: // A duplicate, which Parse removes.
	case taken:
		c.problems.add(at, "interface %q is in zone %q already; keep it in one zone", name, other)
	case len(interfaces) > 0 && !slices.Contains(interfaces, name):
		c.problems.add(at, "the pair has no network %q; its networks are: %s", name, list(interfaces))
	}
	zoneOf[name] = zone
}

func (c *checker) checkCount(at path, count, most int) {
	if count > most {
		c.problems.add(at, "has %d entries, at most %d are allowed", count, most)
	}
}

// checkNames checks the form of names, and that each is unique among its kind of object.
func (c *checker) checkNames(at path, count int, name func(int) string) {
	first := map[string]int{}
	for i := range count {
		n := name(i)
		at := at.index(i)
		if !namePattern.MatchString(n) {
			c.problems.add(at.field("name"),
				"%q is not a name: a-z, 0-9 and '-', a letter first, no '-' last, at most 63 characters", n)
			continue
		}
		if earlier, taken := first[n]; taken {
			c.problems.add(at.field("name"), "%q is the name of entry %d already; choose another", n, earlier)
			continue
		}
		first[n] = i
	}
}
