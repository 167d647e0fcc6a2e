package plan

import (
	"slices"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// setDHCP and setDHCPv6 hold the interfaces of the DHCP server.
const (
	setDHCP   = "dhcp"
	setDHCPv6 = "dhcpv6"
)

// portDHCP is the port of DHCP servers (RFC 2131, section 4.1), and portDHCPv6 that of DHCPv6 (RFC 8415, section 7.2).
const (
	portDHCP   = 67
	portDHCPv6 = 547
)

// addressed returns the rules for requests to the DHCP server, which has received them before the rules see them.
// Without the rules, they would be logged as dropped, or the kernel would answer that nobody listens. They come after
// the rules about connections, which accept answers to a relay on the unit: it has the port of servers too.
func (c *compiler) addressed() (rules []ruleset.Rule) {
	var interfaces, informed []string
	for _, n := range c.document.DHCP.Networks {
		interfaces = append(interfaces, n.Interface)
	}
	for _, n := range c.document.DHCPv6.Networks {
		informed = append(informed, n.Interface)
	}
	rules = append(rules, c.ignored(setDHCP, interfaces, ruleset.IPv4, portDHCP)...)
	return append(rules, c.ignored(setDHCPv6, informed, ruleset.IPv6, portDHCPv6)...)
}

// ignored returns the rule that drops datagrams to a port at some interfaces; none without interfaces.
func (c *compiler) ignored(set string, interfaces []string, family ruleset.Family, port uint16) []ruleset.Rule {
	if len(interfaces) == 0 {
		return nil
	}
	slices.Sort(interfaces)
	c.result.InterfaceSets = append(c.result.InterfaceSets,
		ruleset.InterfaceSet{Name: set, Interfaces: slices.Compact(interfaces)})
	rule := ruleset.Rule{
		ruleset.InInterface{Set: set},
		ruleset.IsFamily{Family: family},
		ruleset.UDP,
		ruleset.PortIn{Run: ruleset.PortRun{First: port, Last: port}},
		ruleset.Drop{},
	}
	return []ruleset.Rule{rule}
}
