package plan

import (
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
}

// serviceMatches returns one match for each protocol of the services that runs over one of the families. Without
// services it returns one match for everything.
func (c *compiler) serviceMatches(owner string, services []string, families document.Families) (rules []ruleset.Rule) {
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
		if len(named) == 0 {
			continue
		}
		rule := ruleset.Rule{protocol.match}
		if set := c.portSet(owner, named); set != "" {
			rule = append(rule, ruleset.Port{Set: set})
		}
		rules = append(rules, rule)
	}
	return rules
}

// portSet returns the name of a set with the ports of services of one protocol; empty if one of them has all ports.
func (c *compiler) portSet(owner string, services []document.Service) string {
	var ranges []document.PortRange
	for _, s := range services {
		if len(s.Ports) == 0 {
			return ""
		}
		ranges = append(ranges, s.Ports...)
	}
	name := owner + "." + strings.ToLower(string(services[0].Protocol))
	if len(services) == 1 {
		name = "service." + services[0].Name
	}
	if !c.made[name] {
		c.made[name] = true
		c.result.PortSets = append(c.result.PortSets, ruleset.PortSet{Name: name, Runs: mergePorts(ranges)})
	}
	return name
}
