package plan

import (
	"net/netip"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// Gateway is a helper that is a part of the firewall, because the kernel has none for the protocol. Its rules send the
// segments of control connections to a queue, which package gateway reads.
type Gateway struct {
	Helper document.Helper
	// Queue is the number of the queue in the unit's network namespace, and the UDP port to which the gateway sends a
	// datagram on the loopback interface to show that it is alive.
	Queue uint16
	// label is that of the control connections.
	label contract.Label
	// readsClient is set if the gateway reads what the client sends, and otherwise what the server sends.
	readsClient bool
}

// Gateways returns all application gateways.
func Gateways() []Gateway {
	return []Gateway{
		{Helper: document.HelperRTSP, Queue: 7790, label: contract.LabelRTSP},
	}
}

// GatewayTimeout is how long segments are sent to a gateway after it was alive last.
const GatewayTimeout = 2 * time.Second

// chainAlive keeps the time at which each gateway was alive.
const chainAlive = "gateways.alive"

// aliveSet returns the name of the set that has the families over which the gateway was alive. It has a prefix of sets
// that rules fill.
func aliveSet(g Gateway) string { return ruleset.SourceCachePrefix + "gateway." + string(g.Helper) }

func gatewayChain(g Gateway) string { return "gateway." + string(g.Helper) }

// IsUsed reports whether a service of the document has the gateway.
func (g Gateway) IsUsed(d document.Document) bool { return slices.ContainsFunc(d.Services, g.reads) }

// reads reports whether the gateway reads the connections of a service.
func (g Gateway) reads(s document.Service) bool { return s.ActiveHelper() == g.Helper }

// addGateways adds the chains that send segments with data to the gateways. A gateway labels a connection in which
// nothing more is to come for it.
//
// The hook is before translation. There the addresses of a segment are those of the kernel's entry, which the gateway
// must find. The policies have accepted the connection before: they label it with its first packet.
func (c *compiler) addGateways() {
	var hook, alive []ruleset.Rule
	for _, g := range Gateways() {
		if !g.IsUsed(c.document) {
			continue
		}
		hook = append(hook, ruleset.Rule{
			ruleset.TCP, ruleset.HasLabel{Label: g.label}, ruleset.Goto{Chain: gatewayChain(g)},
		})
		var direction ruleset.Expression = ruleset.IsReply{}
		if g.readsClient {
			direction = ruleset.IsOriginal{}
		}
		rules := []ruleset.Rule{{ruleset.HasLabel{Label: contract.LabelInspected}, ruleset.Return{}}}
		for _, f := range families {
			rules = append(rules, ruleset.Rule{
				direction,
				ruleset.LongerThanHeaders{Family: f.ruleset},
				ruleset.IsAlive{Set: aliveSet(g)},
				ruleset.SendToQueue{Number: g.Queue},
			})
		}
		c.addChain(gatewayChain(g), rules...)
		alive = append(alive, c.keepAlive(g)...)
	}
	if len(hook) > 0 {
		c.addHook("gateways", ruleset.Hook{Point: ruleset.Prerouting, Mangle: true}, hook...)
		c.addHook(chainAlive, ruleset.Hook{Point: ruleset.Output}, alive...)
	}
}

// keepAlive adds the set of a gateway that is alive, and returns the rules that fill it. A queue alone is not enough: a
// full one passes segments, but a program that hangs would hold those that fill it, and with them the connections.
func (c *compiler) keepAlive(g Gateway) (rules []ruleset.Rule) {
	c.result.DynamicSets = append(c.result.DynamicSets, ruleset.DynamicSet{
		Name: aliveSet(g), Key: []ruleset.ElementType{ruleset.FamilyNumber}, Timeout: GatewayTimeout, IsFilledByRules: true,
	})
	for _, loopback := range []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()} {
		rules = append(rules, ruleset.Rule{
			ruleset.UDP,
			ruleset.PortIn{Run: ruleset.PortRun{First: g.Queue, Last: g.Queue}},
			ruleset.DestinationIs{Address: loopback},
			ruleset.KeepAlive{Set: aliveSet(g)},
		})
	}
	return rules
}
