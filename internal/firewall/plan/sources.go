package plan

import (
	"net/netip"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// Names of the sets of interfaces whose zones have a check, if not all zones have the same.
const (
	setStrict = "source.strict"
	setLoose  = "source.loose"
	setOff    = "source.off"
)

// SourceCaches returns the caches of sources that passed the checks.
func SourceCaches() []ruleset.SourceCache {
	return []ruleset.SourceCache{
		{Name: ruleset.SourceCachePrefix + "ipv4", Family: ruleset.IPv4},
		{Name: ruleset.SourceCachePrefix + "ipv6", Family: ruleset.IPv6},
	}
}

// mark marks a packet as one of the data plane. Lookups that do not see the interface then use the data plane's routes.
var mark = ruleset.MarkPacket{Bits: contract.DataPlaneMark}

// checked marks a packet whose source passed the checks. A chain of checks that ends without it lets nothing pass.
var checked = ruleset.MarkPacket{Bits: contract.CheckedMark}

// addArrival adds the chains that packets of zones pass before connection tracking sees them.
//
// They drop packets with a source that belongs elsewhere (RFC 2827, RFC 3704). Every packet is checked: a forged packet
// of an existing connection would pass as one of the connection. The lookup of a route is expensive, so a source that
// passed is known for a while. Decision 0020 has the figures and the alternatives.
func (c *compiler) addArrival() {
	c.result.SourceCaches = SourceCaches()
	var hook []ruleset.Rule
	arrival := append([]ruleset.Rule{{mark}}, c.checkedByLink(ruleset.Rule{ruleset.Jump{Chain: chainSources}})...)
	// Otherwise somebody has emptied one of the chains.
	unchecked := ruleset.Unmarked(contract.CheckedMark)
	arrival = append(arrival, ruleset.Rule{unchecked, ruleset.Counter{}, ruleset.Drop{}})
	for _, cache := range c.result.SourceCaches {
		hook = append(hook, ruleset.Rule{ruleset.KnownSource{Cache: cache}, mark, ruleset.Accept{}})
		arrival = append(arrival, ruleset.Rule{ruleset.RememberSource{Cache: cache}})
	}
	hook = append(hook,
		ruleset.Rule{ruleset.InInterface{Set: setTraffic}, ruleset.Goto{Chain: chainTrafficArrival}},
		ruleset.Rule{ruleset.InInterface{Set: setControl}, ruleset.NoTrack{}})
	c.addHook("arrival", ruleset.Hook{Point: ruleset.Prerouting, Raw: true}, hook...)
	c.addChain(chainTrafficArrival, arrival...)
	strict, isStrict := c.validated(document.SourceStrict, setStrict)
	loose, isLoose := c.validated(document.SourceLoose, setLoose)
	off, isOff := c.validated(document.SourceDisabled, setOff)
	var rules []ruleset.Rule
	if isStrict {
		for _, family := range families {
			rules = append(rules, with(strict,
				ruleset.Source{Family: family.ruleset, Set: c.addReserved(family)}, ruleset.Goto{Chain: chainReserved}))
		}
		rules = append(rules, with(strict, noRouteBack...))
	}
	if isLoose {
		rules = append(rules, with(loose, ruleset.NoRouteBack{}, ruleset.Goto{Chain: chainNoRouteBack}))
	}
	if isOff {
		// Nobody else has the unit's addresses. The kernel does not check this, see package gate.
		own := ruleset.SourceType{Type: ruleset.LocalAddress}
		rules = append(rules, with(off, own, ruleset.Goto{Chain: chainSpoofed}))
	}
	c.addChain(chainSources, append(rules, ruleset.Rule{checked})...)
	if isStrict {
		c.addReservedSources()
	}
	if isStrict || isLoose {
		c.addExceptions()
	}
}

// addExceptions adds the chain for packets without a route back. What it accepts is no known source afterwards.
func (c *compiler) addExceptions() {
	c.addChain(chainNoRouteBack,
		// No router forwards these sources (RFC 4291), and there is no route to them.
		ruleset.Rule{ruleset.LinkLocalSource{}, ruleset.Accept{}},
		// A host that has no address yet looks for duplicates (RFC 4862), or asks for an address (RFC 2131).
		ruleset.Rule{ruleset.SourceIs{Address: netip.IPv6Unspecified()}, ruleset.ICMPv6, ruleset.Accept{}},
		ruleset.Rule{
			ruleset.SourceIs{Address: netip.IPv4Unspecified()}, ruleset.DestinationIs{Address: everyone}, ruleset.Accept{},
		},
		ruleset.Rule{ruleset.Goto{Chain: chainSpoofed}},
	)
}

// noRouteBack is the strict check.
var noRouteBack = ruleset.Rule{ruleset.NoRouteBack{In: true}, ruleset.Goto{Chain: chainNoRouteBack}}

// addReservedSources adds the chains for sources that the Internet does not route. Only a route that is meant for them
// counts, and not the default route. Routers of providers have such addresses too, and send errors from them that a
// connection needs, such as packet too big. For errors the default route is enough: they pass only if they are about a
// connection of the firewall. That source must not be known afterwards, or everything from it would pass.
func (c *compiler) addReservedSources() {
	errors := []ruleset.ICMPType{
		{Family: ruleset.IPv4, Type: icmpDestinationUnreachable},
		{Family: ruleset.IPv4, Type: icmpTimeExceeded},
		{Family: ruleset.IPv4, Type: icmpParameterProblem},
		{Family: ruleset.IPv6, Type: icmpv6DestinationUnreachable},
		{Family: ruleset.IPv6, Type: icmpv6PacketTooBig},
		{Family: ruleset.IPv6, Type: icmpv6TimeExceeded},
		{Family: ruleset.IPv6, Type: icmpv6ParameterProblem},
	}
	unmark := ruleset.Rule{ruleset.UnmarkPacket{Bits: contract.SpecificMark}}
	c.addChain(chainReserved,
		ruleset.Rule{ruleset.MarkPacket{Bits: contract.SpecificMark}},
		ruleset.Rule{ruleset.NoRouteBack{In: true}, ruleset.Goto{Chain: chainNoSpecificRoute}},
		unmark, ruleset.Rule{checked})
	rules := []ruleset.Rule{unmark}
	for _, e := range errors {
		rules = append(rules, ruleset.Rule{e, ruleset.Goto{Chain: chainSourceOfErrors}})
	}
	c.addChain(chainNoSpecificRoute, append(rules, ruleset.Rule{ruleset.Goto{Chain: chainNoRouteBack}})...)
	c.addChain(chainSourceOfErrors, noRouteBack, ruleset.Rule{ruleset.Accept{}})
}

// reserved are the networks that no router of the Internet forwards from (RFC 6890 and the registries that it made):
// private, shared, loopback, link-local, benchmarking, multicast and reserved ones. It lacks those for documentation,
// which laboratories use as the Internet, and those of IPv6 that have no use yet.
var reserved = []string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/29",
	"192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3",
	"::/16", "64:ff9b:1::/48", "100::/64", "2001:2::/48", "5f00::/16", "fc00::/7", "fec0::/10", "ff00::/8",
}

// addReserved adds the set of reserved networks of a family, and returns its name. It includes the pod network, which
// may be a public one: no packet of it arrives at a segment by the Internet.
func (c *compiler) addReserved(family family) string {
	var blocks []document.Block
	for _, text := range reserved {
		if b, err := document.ParseBlock(text); err == nil && b.Family() == family.document {
			blocks = append(blocks, b)
		}
	}
	set := ruleset.AddressSet{
		Name: "reserved." + family.name, Family: family.ruleset, Runs: mergeBlocks(blocks), NetworksOf: contract.PodInterface,
	}
	c.result.AddressSets = append(c.result.AddressSets, set)
	return set.Name
}

// everyone is the address of all hosts on a link.
var everyone = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// validated returns a match for the zones with a check, which is empty if it is all zones, and whether there are any.
func (c *compiler) validated(validation document.SourceValidation, set string) (match ruleset.Rule, some bool) {
	var interfaces []string
	for _, z := range c.document.Zones {
		if z.SourceValidation == validation || z.SourceValidation == "" && validation == document.SourceStrict {
			interfaces = append(interfaces, z.Interfaces...)
		}
	}
	if len(interfaces) == 0 {
		return nil, false
	}
	if len(interfaces) < len(c.result.InterfaceSets[0].Interfaces) {
		c.result.InterfaceSets = append(c.result.InterfaceSets, ruleset.InterfaceSet{Name: set, Interfaces: interfaces})
		match = ruleset.Rule{ruleset.InInterface{Set: set}}
	}
	return match, true
}

// with returns a rule of a match and further expressions.
func with(match ruleset.Rule, expressions ...ruleset.Expression) ruleset.Rule {
	return append(append(ruleset.Rule{}, match...), expressions...)
}
