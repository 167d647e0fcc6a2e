package plan

import (
	"slices"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// setDHCP holds the interfaces of the DHCP server.
const setDHCP = "dhcp"

// portDHCP is the port of DHCP servers (RFC 2131, section 4.1).
const portDHCP = 67

// addressed returns the rule for requests to the DHCP server, which has received them before the rules see them.
// Without the rule, they would be logged as dropped, or the kernel would answer that nobody listens.
func (c *compiler) addressed() []ruleset.Rule {
	if !c.document.DHCP.IsEnabled() {
		return nil
	}
	var interfaces []string
	for _, n := range c.document.DHCP.Networks {
		if !slices.Contains(interfaces, n.Interface) {
			interfaces = append(interfaces, n.Interface)
		}
	}
	c.result.InterfaceSets = append(c.result.InterfaceSets, ruleset.InterfaceSet{Name: setDHCP, Interfaces: interfaces})
	port := ruleset.PortIn{Run: ruleset.PortRun{First: portDHCP, Last: portDHCP}}
	return []ruleset.Rule{{ruleset.InInterface{Set: setDHCP}, ruleset.UDP, port, ruleset.Drop{}}}
}
