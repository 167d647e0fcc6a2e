package plan

import (
	"fmt"
	"slices"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// Names of the set and chains of links to the Internet.
const (
	setLinks         = "links"
	chainFromInside  = "links.inside"
	chainRecordLinks = "links.record"
)

// LinkMap returns the name of the map from slots to the marks of links, for one family. The firewall writes its
// elements, since they depend on which links are up.
func LinkMap(f ruleset.Family) string {
	for _, family := range families {
		if family.ruleset == f {
			return ruleset.LinkPrefix + family.name
		}
	}
	return ""
}

// LinkNumbers returns the number of each link, in the order of the document: from 1 to 255, and different ones. A
// number depends on the name, unless two names have the same. So a link that is moved or a new one changes no other
// number, and connections stay with their links.
func LinkNumbers(w document.WAN) []uint8 {
	taken := map[uint8]bool{0: true}
	numbers := make([]uint8, 0, len(w.Links))
	for _, l := range w.Links {
		sum := hash(l.Name)
		number := uint8(sum ^ sum>>8 ^ sum>>16 ^ sum>>24) //nolint:gosec // Eight bits are wanted.
		for taken[number] {
			number++
		}
		taken[number] = true
		numbers = append(numbers, number)
	}
	return numbers
}

// LinkMark returns the mark of packets and connections of the link with a number.
func LinkMark(number uint8) uint32 { return uint32(number) << contract.LinkShift }

// link is a link with what its rules need.
type link struct {
	document.WANLink
	index  int
	number uint8
	mark   uint32
	set    string
	// isFirst is set for the first link of its interface. Packets that arrive there belong to it, since nothing tells by
	// which router they came. isOnly is set if there is no other one.
	isFirst, isOnly bool
}

// linksOf returns the links of a document.
func linksOf(w document.WAN) []link {
	all := make([]link, 0, len(w.Links))
	numbers := LinkNumbers(w)
	for i, l := range w.Links {
		isSame := func(other document.WANLink) bool { return other.Interface == l.Interface }
		all = append(all, link{
			WANLink: l, index: i, number: numbers[i], mark: LinkMark(numbers[i]), set: "link." + l.Name,
			isFirst: !slices.ContainsFunc(w.Links[:i], isSame),
			isOnly:  !slices.ContainsFunc(w.Links[:i], isSame) && !slices.ContainsFunc(w.Links[i+1:], isSame),
		})
	}
	return all
}

// addLinks adds the chains that choose a link for each new connection and keep it there.
//
// A connection gets the number of its link in its mark, which is replicated with it. A packet gets it from the
// connection, and a rule of the kernel then finds the routes of the link. Only packets from inside do: one that arrives
// by a link must not go back there. The mark of a related connection, such as the data connection of FTP, begins with
// that of the connection that announced it, so both have one link.
func (c *compiler) addLinks() {
	links := linksOf(c.document.WAN)
	if len(links) == 0 {
		return
	}
	outside := ruleset.InterfaceSet{Name: setLinks}
	for _, l := range links {
		if l.isFirst {
			outside.Interfaces = append(outside.Interfaces, l.Interface)
		}
		c.result.InterfaceSets = append(c.result.InterfaceSets,
			ruleset.InterfaceSet{Name: l.set, Interfaces: []string{l.Interface}})
	}
	c.result.InterfaceSets = append(c.result.InterfaceSets, outside)
	c.addHook("link", ruleset.Hook{Point: ruleset.Prerouting, Mangle: true},
		ruleset.Rule{ruleset.InInterface{Set: setLinks}, ruleset.Accept{}},
		ruleset.Rule{ruleset.InInterface{Set: setTraffic}, ruleset.Goto{Chain: chainFromInside}})
	c.addChain(chainFromInside, slices.Concat(c.chooseLinks(), followLinks(links))...)
	c.addChain(chainRecordLinks, recordLinks(links)...)
}

// chooseLinks returns the rules that choose a link for new connections without one.
func (c *compiler) chooseLinks() (rules []ruleset.Rule) {
	for _, family := range families {
		if !c.document.WAN.HasGateway(family.document) {
			continue
		}
		choose := ruleset.ChooseLink{
			Family: family.ruleset, Map: LinkMap(family.ruleset),
			PerSource: c.document.WAN.Distribution == document.PerSource,
		}
		c.result.DynamicSets = append(c.result.DynamicSets, ruleset.DynamicSet{
			Name: choose.Map, Key: []ruleset.ElementType{ruleset.SlotNumber}, Value: []ruleset.ElementType{ruleset.PacketMark},
		})
		rules = append(rules, ruleset.Rule{ruleset.New, ruleset.ConnectionMark{Mask: contract.LinkMask}, choose})
	}
	return rules
}

// followLinks returns the rules that give a packet the mark of its connection's link.
func followLinks(links []link) (rules []ruleset.Rule) {
	for _, l := range links {
		rules = append(rules, ruleset.Rule{
			ruleset.ConnectionMark{Value: l.mark, Mask: contract.LinkMask}, ruleset.MarkPacket{Bits: l.mark}, ruleset.Accept{},
		})
	}
	return rules
}

// recordLinks returns the rules that store the link of a new connection, after its path, which replaces its mark. That
// is the link by which it arrived or leaves. A connection that was given a link and has another route belongs to none.
func recordLinks(links []link) (rules []ruleset.Rule) {
	for _, l := range links {
		if l.isFirst {
			rules = append(rules, ruleset.Rule{
				ruleset.InInterface{Set: l.set}, ruleset.MarkConnection{Bits: l.mark}, ruleset.Return{},
			})
		}
	}
	for _, l := range links {
		if !l.isOnly {
			rules = append(rules, ruleset.Rule{
				ruleset.OutInterface{Set: l.set},
				ruleset.PacketMarkIs{Value: l.mark, Mask: contract.LinkMask},
				ruleset.MarkConnection{Bits: l.mark},
				ruleset.Return{},
			})
		}
	}
	for _, l := range links {
		if l.isFirst {
			rules = append(rules, ruleset.Rule{ruleset.OutInterface{Set: l.set}, ruleset.MarkConnection{Bits: l.mark}})
		}
	}
	return rules
}

// recorded returns the rule that records the link of a new connection; none without links.
func (c *compiler) recorded() []ruleset.Rule {
	if !c.document.WAN.IsEnabled() {
		return nil
	}
	return []ruleset.Rule{{ruleset.Jump{Chain: chainRecordLinks}}}
}

// checkedByLink returns the rules that check a source by the routes of the link that the packet came from, around the
// rule that checks it. Otherwise the best default route alone would count, and packets of other links would be forged
// ones.
func (c *compiler) checkedByLink(check ruleset.Rule) (rules []ruleset.Rule) {
	links := linksOf(c.document.WAN)
	for _, l := range links {
		if l.isFirst {
			rules = append(rules, ruleset.Rule{ruleset.InInterface{Set: l.set}, ruleset.MarkPacket{Bits: l.mark}})
		}
	}
	rules = append(rules, check)
	if len(links) > 0 {
		rules = append(rules, ruleset.Rule{ruleset.UnmarkPacket{Bits: contract.LinkMask}})
	}
	return rules
}

const (
	// linkMetric is that of the best default route by a link. Those of other links follow.
	linkMetric = 10
	// UnusableMetric is added to the metric of the default route by a link that is down. The route remains, so that there
	// is one if all links are down.
	UnusableMetric = 1000
)

// linkRoutes returns the routes and rules of links. Each link has a table with its default routes. The data plane's
// table has all of them, for what the unit itself sends.
func linkRoutes(w document.WAN) (routes []Route, rules []RoutingRule) {
	links := linksOf(w)
	for _, l := range links {
		for j, gateway := range l.Gateways {
			route := Route{
				Field: fmt.Sprintf("spec.wan.links[%d].gateways[%d]", l.index, j), Table: l.table(), Type: document.RouteUnicast,
				To: everything(familyOf(gateway)), Via: gateway, Interface: l.Interface, Metric: document.DefaultMetric,
			}
			routes = append(routes, route)
			route.Table, route.Metric, route.Link = contract.DataPlaneTable, linkMetric+rank(links, l), l.Name
			routes = append(routes, route)
			rules = append(rules, linkRules(l, familyOf(gateway))...)
		}
	}
	return routes, rules
}

func (l link) table() uint32 { return contract.LinkTable + uint32(l.number) }

// rank returns the place of a link in the order of preference for what the unit itself sends: links that are no backup
// before others, and more weight before less.
func rank(links []link, of link) (place uint32) {
	isBefore := func(a, b link) bool {
		switch {
		case a.Backup != b.Backup:
			return b.Backup
		case a.EffectiveWeight() != b.EffectiveWeight():
			return a.EffectiveWeight() > b.EffectiveWeight()
		default:
			return a.index < b.index
		}
	}
	for _, l := range links {
		if isBefore(l, of) {
			place++
		}
	}
	return place
}

// linkRules returns the rules of a link in one family. Routes that are no default route come first, such as those to
// the networks of the pair. The check of private sources, which has SpecificMark, must find no default route.
func linkRules(l link, family document.Families) []RoutingRule {
	const mask = contract.LinkMask | contract.SpecificMark
	field := fmt.Sprintf("spec.wan.links[%d]", l.index)
	template := RoutingRule{Field: field, IPv6: family == document.IPv6}
	var rules []RoutingRule
	add := func(r RoutingRule, priority uint32) {
		r.Priority, r.Table, r.MinBits = contract.LinkPriority+priority, contract.DataPlaneTable, 1
		rules = append(rules, r)
		r.Priority, r.Table, r.MinBits = r.Priority+1, l.table(), 0
		rules = append(rules, r)
	}
	forwarded := template
	forwarded.Mark, forwarded.Mask = l.mark, mask
	add(forwarded, 0)
	if l.isFirst {
		own := template
		own.In, own.FromNetworksOf, own.Mask = loopback, l.Interface, contract.SpecificMark
		const behind = 2
		add(own, behind)
	}
	return rules
}

// loopback is the interface of packets that the unit itself sends, for a rule.
const loopback = "lo"
