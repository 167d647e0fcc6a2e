package plan

import (
	"strings"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// protocols in the order in which a policy's rules ask for them: the commonest first.
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

// serviceMatches are the matches of services, one for each protocol that runs over one of the families. With none given
// there is one that matches everything.
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

// portSet is the name of a set of the ports of services of one protocol; empty when one of them has all ports.
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
