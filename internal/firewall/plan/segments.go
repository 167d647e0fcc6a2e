package plan

import (
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// clamping adds the chain that limits the maximum segment size of TCP connections, and returns the rule that sends the
// packets with SYN there. Both directions are limited by both interfaces: an end that drops ICMP never learns that its
// packets are too long for the other side.
func (c *compiler) clamping() []ruleset.Rule {
	var interfaces []ruleset.InterfaceMTU
	for _, z := range c.document.Zones {
		if z.MSSClamping == document.MSSDisabled {
			continue
		}
		for _, name := range z.Interfaces {
			interfaces = append(interfaces, ruleset.InterfaceMTU{Interface: name, MTU: z.MTU})
		}
	}
	if len(interfaces) == 0 {
		return nil
	}
	var rules []ruleset.Rule
	for _, f := range families {
		m := ruleset.SegmentMap{Name: "segments." + f.name, Family: f.ruleset, Interfaces: interfaces}
		c.result.SegmentMaps = append(c.result.SegmentMaps, m)
		rules = append(rules,
			ruleset.Rule{ruleset.ClampSegments{Family: f.ruleset, Map: m.Name}},
			ruleset.Rule{ruleset.ClampSegments{Family: f.ruleset, Map: m.Name, Out: true}})
	}
	c.addChain(chainSegments, rules...)
	return []ruleset.Rule{{ruleset.IsSYN{}, ruleset.Jump{Chain: chainSegments}}}
}
