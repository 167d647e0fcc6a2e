package plan

import (
	"net/netip"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// addArrival adds the chains that packets of zones pass before connection tracking sees them.
//
// They mark the packet as one of the data plane. Lookups that do not see the interface then use the data plane's
// routes.
//
// They drop packets with a source that belongs elsewhere (RFC 2827, RFC 3704). The check is done for every packet: a
// forged packet of an existing connection would pass as one of the connection. It takes one lookup, and only packets
// without a route back are compared with the exceptions.
func (c *compiler) addArrival() {
	rules := []ruleset.Rule{{ruleset.MarkPacket{Bits: contract.DataPlaneMark}}}
	checks := []struct {
		validation document.SourceValidation
		match      ruleset.NoRouteBack
		set        string
	}{
		{document.SourceStrict, ruleset.NoRouteBack{In: true}, "source.strict"},
		{document.SourceLoose, ruleset.NoRouteBack{}, "source.loose"},
	}
	for _, check := range checks {
		interfaces := c.validated(check.validation)
		if len(interfaces) == 0 {
			continue
		}
		var rule ruleset.Rule
		if len(interfaces) < len(c.result.InterfaceSets[0].Interfaces) {
			c.result.InterfaceSets = append(c.result.InterfaceSets,
				ruleset.InterfaceSet{Name: check.set, Interfaces: interfaces})
			rule = ruleset.Rule{ruleset.InInterface{Set: check.set}}
		}
		rules = append(rules, append(rule, check.match, ruleset.Goto{Chain: chainNoRouteBack}))
	}
	c.addChain(chainTrafficArrival, rules...)
	c.addChain(chainNoRouteBack,
		// No router forwards these sources (RFC 4291), and there is no route to them.
		ruleset.Rule{ruleset.LinkLocalSource{}, ruleset.Return{}},
		// A host that has no address yet looks for duplicates (RFC 4862), or asks for an address (RFC 2131).
		ruleset.Rule{ruleset.SourceIs{Address: netip.IPv6Unspecified()}, ruleset.ICMPv6, ruleset.Return{}},
		ruleset.Rule{
			ruleset.SourceIs{Address: netip.IPv4Unspecified()}, ruleset.DestinationIs{Address: everyone}, ruleset.Return{},
		},
		ruleset.Rule{ruleset.Goto{Chain: chainSpoofed}},
	)
}

// everyone is the address of all hosts on a link.
var everyone = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// validated returns the interfaces of the zones with a check.
func (c *compiler) validated(validation document.SourceValidation) (interfaces []string) {
	for _, z := range c.document.Zones {
		if z.SourceValidation == validation || z.SourceValidation == "" && validation == document.SourceStrict {
			interfaces = append(interfaces, z.Interfaces...)
		}
	}
	return interfaces
}
