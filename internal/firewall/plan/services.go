package plan

import (
	"fmt"
	"strings"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// protocols are in the order in which the rules of a policy test them: the most common first.
var protocols = []struct {
	document document.Protocol
	match    ruleset.Expression
}{
	{document.TCP, ruleset.TCP},
	{document.UDP, ruleset.UDP},
	{document.ICMP, echoRequest},
	{document.ICMPv6, echoRequest6},
	{document.SCTP, ruleset.SCTP},
	{document.GRE, ruleset.GRE},
	{document.ESP, ruleset.ESP},
	{document.AH, ruleset.AH},
	{document.OSPFPackets, ruleset.OSPF},
}

// serviceMatches returns the matches for the protocols of the services that run over one of the families. Without
// services it returns one match for everything. The caller adds as many rules with each match as copies says.
func (c *compiler) serviceMatches(
	owner string, services []string, families document.Families, copies int,
) (rules []ruleset.Rule) {
	if len(services) == 0 {
		return []ruleset.Rule{nil}
	}
	for _, protocol := range protocols {
		if protocol.document.Families()&families == 0 {
			continue
		}
		var named []document.Service
		for _, name := range services {
			if s := c.services[name]; s.Protocol == protocol.document {
				named = append(named, s)
			}
		}
		if len(named) > 0 {
			rules = append(rules, product([]ruleset.Rule{{protocol.match}}, c.portMatches(owner, named, copies))...)
		}
	}
	return rules
}

// portMatches returns the matches of the ports of services of one protocol: one with a set, or one for each range. It
// is empty if one of them has all ports.
func (c *compiler) portMatches(owner string, services []document.Service, copies int) (matches []ruleset.Rule) {
	var ranges []document.PortRange
	for _, s := range services {
		if len(s.Ports) == 0 {
			return []ruleset.Rule{nil}
		}
		ranges = append(ranges, s.Ports...)
	}
	runs := mergePorts(ranges)
	name := owner + "." + strings.ToLower(string(services[0].Protocol))
	if len(services) == 1 {
		name = "service." + services[0].Name
	}
	set, needed := c.setFor(name, fmt.Sprint(runs), len(runs), copies)
	if set == "" {
		for _, run := range runs {
			matches = append(matches, ruleset.Rule{ruleset.PortIn{Run: run}})
		}
		return matches
	}
	if needed {
		c.result.PortSets = append(c.result.PortSets, ruleset.PortSet{Name: set, Runs: runs})
	}
	return []ruleset.Rule{{ruleset.Port{Set: set}}}
}
