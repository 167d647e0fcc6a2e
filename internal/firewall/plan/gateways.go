package plan

import (
	"net/netip"
	"slices"
	"strings"
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
	// pinholes is the protocol of the connections that the gateway announces in dynamic sets; 0 without these.
	pinholes ruleset.Protocol
	// readsClient is set if the gateway reads what the client sends, and otherwise what the server sends.
	readsClient bool
	// resizes is set if the gateway replaces addresses by others of another length.
	resizes bool
}

// Gateways returns all application gateways.
func Gateways() []Gateway {
	return []Gateway{
		{Helper: document.HelperRTSP, Queue: 7790, label: contract.LabelRTSP, resizes: true},
		{
			Helper: document.HelperSQLNet, Queue: 7791, label: contract.LabelTNS, pinholes: ruleset.TCP, resizes: true,
		},
		{
			Helper: document.HelperRealAudio, Queue: 7792, label: contract.LabelRealAudio, pinholes: ruleset.UDP,
			readsClient: true,
		},
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

// lengths is a helper of the kernel that only makes room in the entries of control connections. The kernel adjusts
// sequence numbers in entries of helpers alone, and accepts the adjustments of others without effect.
//
// Among the helpers of TCP, that of SANE has the least effect: it waits for messages that none of the protocols has.
// Nothing that it would expect passes.
var lengths = ruleset.Helper{Name: "gateway.lengths", Type: "sane", Protocol: ruleset.TCP}

// needsLengths reports whether a gateway may have to replace addresses of a document by others of another length.
func needsLengths(d document.Document) bool {
	return translates(d) && slices.ContainsFunc(Gateways(), func(g Gateway) bool { return g.resizes && g.IsUsed(d) })
}

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
		c.addPinholes(g)
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

// PinholePrefix returns the prefix of the sets and maps of a gateway.
func PinholePrefix(h document.Helper) string {
	return ruleset.PinholePrefix + strings.ToLower(string(h)) + "."
}

// Pinholes returns the names of the set of a gateway that accepts connections of a family, and of the map that
// translates the destination of some before. The key of both is the source, the destination and the destination port.
func Pinholes(h document.Helper, f ruleset.Family) (set, translation string) {
	name := "ipv4"
	if f == ruleset.IPv6 {
		name = "ipv6"
	}
	return PinholePrefix(h) + name, PinholePrefix(h) + "nat." + name
}

// PinholeTimeout is how long an announced connection may take to begin.
const PinholeTimeout = time.Minute

// addPinholes adds the sets of a gateway that announces connections.
func (c *compiler) addPinholes(g Gateway) {
	if g.pinholes == 0 {
		return
	}
	for _, f := range families {
		set, translation := Pinholes(g.Helper, f.ruleset)
		c.result.DynamicSets = append(c.result.DynamicSets,
			ruleset.DynamicSet{Name: set, Key: ruleset.PinholeKey(f.ruleset), Timeout: PinholeTimeout},
			ruleset.DynamicSet{
				Name: translation, Key: ruleset.PinholeKey(f.ruleset), Value: ruleset.PinholeTarget(f.ruleset),
				Timeout: PinholeTimeout,
			})
	}
}

// eachPinhole calls add for the pinholes of the gateways in use.
func (c *compiler) eachPinhole(add func(g Gateway, f ruleset.Family, set, translation string)) {
	for _, g := range Gateways() {
		if g.pinholes == 0 || !g.IsUsed(c.document) {
			continue
		}
		for _, f := range families {
			set, translation := Pinholes(g.Helper, f.ruleset)
			add(g, f.ruleset, set, translation)
		}
	}
}

// announced returns the rules that accept what gateways announced. They label it, so that its control messages are read
// too, and so that a change of the document leaves it as long as the gateway is in use. A connection that has begun
// outlives its pinhole: packets that nobody answers, such as media, never make it an established one.
func (c *compiler) announced() (rules []ruleset.Rule) {
	for _, g := range Gateways() {
		if g.pinholes != 0 && g.IsUsed(c.document) {
			rules = append(rules, ruleset.Rule{
				g.pinholes, ruleset.HasLabel{Label: g.label}, ruleset.HasLabel{Label: contract.LabelAnnounced}, ruleset.Accept{},
			})
		}
	}
	c.eachPinhole(func(g Gateway, f ruleset.Family, set, _ string) {
		rules = append(rules, ruleset.Rule{
			g.pinholes,
			ruleset.InPinhole{Family: f, Set: set},
			ruleset.LabelConnection{Label: g.label},
			ruleset.LabelConnection{Label: contract.LabelAnnounced},
			ruleset.Counter{},
			ruleset.Accept{},
		})
	})
	return rules
}

// announcedTranslations returns the rules that translate the destination of what gateways announced.
func (c *compiler) announcedTranslations() (rules []ruleset.Rule) {
	c.eachPinhole(func(g Gateway, f ruleset.Family, _, translation string) {
		rules = append(rules, ruleset.Rule{
			ruleset.InInterface{Set: setTraffic}, g.pinholes, ruleset.DestinationNATByPinhole{Family: f, Map: translation},
		})
	})
	return rules
}

// AllowsAnnounced reports whether a connection that a gateway announced may continue, by its labels.
func (r *Revalidation) AllowsAnnounced(has func(contract.Label) bool) bool {
	return has(contract.LabelAnnounced) && slices.ContainsFunc(Gateways(), func(g Gateway) bool {
		return has(g.label) && g.IsUsed(r.document)
	})
}
