package plan

import (
	"net/netip"
	"slices"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// Neither translation chooses random ports or addresses: a source port is preserved where it is free. The mapping is
// part of the connection, so the standby receives it with the connection.

func (c *compiler) addDestinationNAT() {
	rules := c.announcedTranslations()
	for _, n := range c.document.DestinationNAT {
		match := ruleset.Rule{
			ruleset.InInterface{Set: zoneSet(n.From)},
			ruleset.DestinationIs{Address: n.Destination},
		}
		for _, service := range c.serviceMatches("", []string{n.Service}, familyOf(n.Destination), 1) {
			rules = append(rules, slices.Concat(match, service,
				ruleset.Rule{ruleset.DestinationNAT{Address: n.ToAddress, Port: n.ToPort}}))
		}
	}
	c.addTranslations("destination-nat", ruleset.Prerouting, contract.DestinationMark, rules)
}

// addTranslations adds a chain of translations. The kernel passes it the first packet of each connection. A later chain
// sees those that it did not translate, and drops what has not passed it, in case that somebody empties or deletes it.
func (c *compiler) addTranslations(name string, point ruleset.HookPoint, passed uint32, rules []ruleset.Rule) {
	if len(rules) > 0 {
		rules = append([]ruleset.Rule{{ruleset.MarkPacket{Bits: passed}}}, rules...)
		c.addHook(name+".skipped", ruleset.Hook{Point: point, NAT: true, Late: true},
			ruleset.Rule{ruleset.Unmarked(passed), ruleset.Counter{}, ruleset.Drop{}})
	}
	c.addHook(name, ruleset.Hook{Point: point, NAT: true}, rules...)
}

// addSourceNAT adds the chain that translates the source of forwarded connections. What the unit sends itself came from
// no interface. It keeps its source: a translated probe of the standby would be answered to the active.
func (c *compiler) addSourceNAT() {
	forwarded := ruleset.InInterface{Set: setTraffic}
	var rules []ruleset.Rule
	for _, n := range c.document.SourceNAT {
		out := ruleset.OutInterface{Set: zoneSet(n.To)}
		to := ruleset.SourceNAT{Address: n.Address}
		for _, addresses := range c.addressMatches(
			"source-nat."+n.Name, n.Source, n.Destination, familyOf(n.Address), 1) {
			for _, match := range addresses.rules {
				if len(match) == 0 {
					match = ruleset.Rule{ruleset.IsFamily{Family: ruleset.FamilyOf(n.Address)}}
				}
				rules = append(rules, slices.Concat(ruleset.Rule{forwarded, out}, match, ruleset.Rule{to}))
			}
		}
	}
	c.addTranslations("source-nat", ruleset.Postrouting, contract.SourceMark, rules)
}

func familyOf(a netip.Addr) document.Families {
	if a.Is4() {
		return document.IPv4
	}
	return document.IPv6
}
