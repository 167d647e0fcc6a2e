package configuration

import (
	"fmt"
	"net/netip"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// Names of filters. Lines of raw can have others.
const (
	// trafficMap permits routes by the interfaces that carry traffic, and not by the pod's own.
	trafficMap = "hapair-traffic"
	// staticMap permits the static routes of the document.
	staticMap = "hapair-static"
)

// addFilters writes what all protocols share. Zebra never installs a learned route by the pod's own interface.
func (c *compiler) addFilters() {
	for i, name := range c.interfaces() {
		c.block(fmt.Sprintf("route-map %s permit %d", trafficMap, i+1), []string{"match interface " + name})
	}
	for _, name := range []string{"ip protocol bgp", "ip protocol ospf", "ip protocol rip"} {
		c.line("%s route-map %s", name, trafficMap)
	}
	for _, name := range []string{"ipv6 protocol bgp", "ipv6 protocol ospf6", "ipv6 protocol ripng"} {
		c.line("%s route-map %s", name, trafficMap)
	}
	var static []netip.Prefix
	for _, r := range c.document.Routing.Routes {
		if r.To.Bits() > 0 {
			static = append(static, r.To)
		}
	}
	c.addPrefixList(staticMap, static, false)
	c.block("route-map "+staticMap+" permit 1", []string{"match ip address prefix-list " + staticMap})
	c.block("route-map "+staticMap+" permit 2", []string{"match ipv6 address prefix-list " + staticMap})
}

// addPrefixList writes a list of both families. A family without prefixes permits nothing.
func (c *compiler) addPrefixList(name string, prefixes []netip.Prefix, hasLonger bool) {
	for _, isIPv4 := range []bool{true, false} {
		command, sequence := "ipv6 prefix-list", 0
		if isIPv4 {
			command = "ip prefix-list"
		}
		for _, p := range prefixes {
			if p.Addr().Is4() != isIPv4 {
				continue
			}
			sequence++
			suffix := ""
			if hasLonger && !p.IsSingleIP() {
				suffix = fmt.Sprintf(" le %d", p.Addr().BitLen())
			}
			c.line("%s %s seq %d permit %s%s", command, name, sequence, p, suffix)
		}
		if sequence == 0 {
			c.line("%s %s seq 1 deny any", command, name)
		}
	}
}

// redistribute returns the commands that announce other routes. Zebra has no static routes of its own: those of the
// document are the kernel's to it.
func redistribute(all []document.Redistribution) (commands []string) {
	for _, r := range all {
		switch r {
		case document.RedistributeConnected:
			commands = append(commands, "redistribute connected route-map "+trafficMap)
		case document.RedistributeStatic:
			commands = append(commands, "redistribute kernel route-map "+staticMap)
		}
	}
	return commands
}
