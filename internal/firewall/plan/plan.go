package plan

import (
	"crypto/sha256"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// Table is the table that the firewall owns. It never touches another table of the network namespace.
const Table = "hapair"

// Names of the chains in every ruleset.
const (
	chainTrafficArrival  = "traffic.arrival"
	chainTrafficForward  = "traffic.forward"
	chainTrafficInput    = "traffic.input"
	chainTrafficUnit     = "traffic.unit"
	chainSources         = "sources"
	chainNoRouteBack     = "no-route-back"
	chainReserved        = "reserved"
	chainNoSpecificRoute = "no-specific-route"
	chainSourceOfErrors  = "source-of-errors"
	chainSegments        = "segments"
	chainState           = "state"
	chainICMP            = "messages.icmp"
	chainICMPv6          = "messages.icmpv6"
	chainNeighbours      = "neighbours"
	chainInvalid         = "invalid"
	chainUnmatched       = "unmatched"
	chainSpoofed         = "spoofed"
)

// setTraffic holds the interfaces of all zones.
const setTraffic = "traffic"

// Compile returns the ruleset of a valid document, as document.Parse returns it.
func Compile(d document.Document) ruleset.Ruleset {
	c := newCompiler(withDNS(d))
	c.addZones()
	c.addDynamicSets()
	c.addPaths()
	c.addHooks()
	c.addTraffic()
	c.addLinks()
	c.addState()
	c.addRelated()
	c.addHelpers()
	c.addGateways()
	c.addPolicies()
	c.addEnds()
	c.addDestinationNAT()
	c.addSourceNAT()
	return c.result
}

// compiler holds what the steps share: the objects by name, and the result so far.
type compiler struct {
	document  document.Document
	addresses map[string]document.Address
	services  map[string]document.Service
	result    ruleset.Ruleset
	// addressLists has the lists of addresses that rules refer to, by the name that they have as a set.
	addressLists map[string]addressList
	// equal has the name of a set by the hash of its content.
	equal map[[sha256.Size]byte]string
	// hasHelpers is set if a service has a helper.
	hasHelpers bool
	// spare is the number of rules that short lists may still add.
	spare int
}

func newCompiler(d document.Document) *compiler {
	c := &compiler{
		document:  d,
		addresses: map[string]document.Address{},
		services:  map[string]document.Service{},
		result:    ruleset.Ruleset{Table: Table},
		equal:     map[[sha256.Size]byte]string{},
		spare:     spareRules,

		addressLists: map[string]addressList{},
	}
	for _, a := range d.Addresses {
		c.addresses[a.Name] = a
	}
	for _, s := range d.Services {
		c.services[s.Name] = s
	}
	return c
}

func (c *compiler) addChain(name string, rules ...ruleset.Rule) {
	c.result.Chains = append(c.result.Chains, ruleset.Chain{Name: name, Rules: rules})
}

func (c *compiler) addHook(name string, hook ruleset.Hook, rules ...ruleset.Rule) {
	c.result.Chains = append(c.result.Chains, ruleset.Chain{Name: name, Hook: &hook, Rules: rules})
}

func zoneSet(zone string) string { return "zone." + zone }

func (c *compiler) addZones() {
	traffic := ruleset.InterfaceSet{Name: setTraffic}
	var zones []ruleset.InterfaceSet
	for _, z := range c.document.Zones {
		traffic.Interfaces = append(traffic.Interfaces, z.Interfaces...)
		zones = append(zones, ruleset.InterfaceSet{Name: zoneSet(z.Name), Interfaces: z.Interfaces})
	}
	c.result.InterfaceSets = append([]ruleset.InterfaceSet{traffic}, zones...)
}
