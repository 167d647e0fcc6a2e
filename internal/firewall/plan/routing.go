package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

// Routing is what the kernel should have of a document's routes and policy routes.
type Routing struct {
	// Interfaces are the interfaces of all zones, which a next hop may be on.
	Interfaces []string
	Rules      []RoutingRule
	Routes     []Route
}

// Route is a route of one table.
type Route struct {
	// Field is the path of the route in the document, for messages.
	Field string
	Table uint32
	Type  document.RouteType
	To    netip.Prefix
	// Via is the next hop. Without it the destinations are on the link of Interface.
	Via netip.Addr
	// Interface is the name of the interface. If it is empty, the route leaves by the interface that Via is on.
	Interface string
	Metric    uint32
	// Link is the name of the link whose default route it is, for what the unit sends. Its metric is that while the link
	// is up.
	Link string
}

// IsOnLink reports whether the route makes its destinations neighbours on the link of its interface, so that a next hop
// may be one of them.
func (r Route) IsOnLink() bool {
	return r.Table == contract.DataPlaneTable && r.Type == document.RouteUnicast && !r.Via.IsValid() && r.To.Bits() > 0
}

// RoutingRule selects a table for the packets of one interface.
type RoutingRule struct {
	// Field is the path of the policy route in the document, for messages.
	Field           string
	IPv6            bool
	Priority, Table uint32
	// MinBits is the length of the shortest prefix of a route that counts.
	MinBits uint8
	// In is the name of the interface that the packets arrive at.
	In string
	// From and To are not valid if every source or destination matches.
	From, To netip.Prefix
	// FromNetworksOf names an interface from whose networks the packets come; empty for any source. Only the kernel knows
	// the networks.
	FromNetworksOf string
	// Mark is compared with the bits of Mask in the mark of a packet.
	Mark, Mask uint32
}

// CompileRouting returns the routes and rules of a valid document.
//
// Rules of policy routes match packets by their incoming interface, which is always one of a zone. Those of links match
// the marks of these packets, and the addresses of a link. So none can match packets of the control plane.
func CompileRouting(d document.Document) Routing {
	c := newCompiler(d)
	var r Routing
	for _, z := range d.Zones {
		r.Interfaces = append(r.Interfaces, z.Interfaces...)
	}
	for i, route := range d.Routing.Routes {
		compiled := Route{
			Field: fmt.Sprintf("spec.routing.routes[%d]", i), Table: contract.DataPlaneTable, Type: document.RouteUnicast,
			To: route.To, Via: route.Via, Interface: route.Interface, Metric: uint32(route.EffectiveMetric()),
		}
		if route.Type != "" {
			compiled.Type = route.Type
		}
		r.Routes = append(r.Routes, compiled)
	}
	r.Routes = append(r.Routes, tunnelRoutes(d.VPN)...)
	links, rules := linkRoutes(d.WAN)
	r.Routes, r.Rules = append(r.Routes, links...), append(r.Rules, rules...)
	for i, policy := range d.Routing.PolicyRoutes {
		field := fmt.Sprintf("spec.routing.policyRoutes[%d]", i)
		rule := RoutingRule{Field: field, Priority: contract.PolicyRoutePriority + uint32(i), Table: contract.DataPlaneTable}
		if policy.Type != document.PolicyRouteExempt {
			rule.Table = contract.PolicyRouteTable + uint32(i)
		}
		for _, family := range []document.Families{document.IPv4, document.IPv6} {
			if policy.Via.IsValid() && familyOf(policy.Via) != family {
				continue
			}
			rules := c.routingRules(policy, family, rule)
			if r.Rules = append(r.Rules, rules...); len(rules) > 0 && policy.Type != document.PolicyRouteExempt {
				r.Routes = append(r.Routes, policyRoute(policy, family, field, rule.Table))
			}
		}
	}
	return r
}

// tunnelRoutes returns a route to each network that is reached by tunnels.
func tunnelRoutes(v document.VPN) (routes []Route) {
	for i, s := range v.SiteToSite {
		for j, to := range s.RemoteNetworks {
			routes = append(routes, tunnelRoute(fmt.Sprintf("spec.vpn.siteToSite[%d].remoteNetworks[%d]", i, j), to))
		}
	}
	for i, to := range v.RemoteAccess.Pools {
		routes = append(routes, tunnelRoute(fmt.Sprintf("spec.vpn.remoteAccess.pools[%d]", i), to))
	}
	return routes
}

func tunnelRoute(field string, to netip.Prefix) Route {
	return Route{
		Field: field, Table: contract.DataPlaneTable, Type: document.RouteUnicast, To: to,
		Interface: contract.TunnelInterface, Metric: document.TunnelMetric,
	}
}

// policyRoute returns the one route of a policy route's table.
func policyRoute(policy document.PolicyRoute, family document.Families, field string, table uint32) Route {
	route := Route{
		Field: field, Table: table, Type: document.RouteUnicast, To: everything(family), Via: policy.Via,
		Interface: policy.Interface, Metric: document.DefaultMetric,
	}
	switch policy.Type {
	case document.PolicyRouteBlackhole:
		route.Type = document.RouteBlackhole
	case document.PolicyRouteUnreachable:
		route.Type = document.RouteUnreachable
	case document.PolicyRouteUnicast, document.PolicyRouteExempt, "":
	}
	return route
}

func everything(family document.Families) netip.Prefix {
	if family == document.IPv4 {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
}

// routingRules returns a rule for each interface, source and destination of a policy route. Each is like the template.
func (c *compiler) routingRules(
	policy document.PolicyRoute, family document.Families, template RoutingRule,
) (rules []RoutingRule) {
	template.IPv6 = family == document.IPv6
	for _, zone := range c.document.Zones {
		if !slices.Contains(policy.From, zone.Name) {
			continue
		}
		for _, name := range zone.Interfaces {
			for _, source := range c.prefixes(policy.Source, family) {
				for _, destination := range c.prefixes(policy.Destination, family) {
					rule := template
					rule.In, rule.From, rule.To = name, source, destination
					rules = append(rules, rule)
				}
			}
		}
	}
	return rules
}

// prefixes returns the prefixes of one family in address objects. Without objects it returns one that is not valid,
// which matches everything.
func (c *compiler) prefixes(names []string, family document.Families) (prefixes []netip.Prefix) {
	if len(names) == 0 {
		return []netip.Prefix{{}}
	}
	for _, run := range mergeBlocks(c.blocks(names, family)) {
		prefixes = append(prefixes, document.Block{First: run.First, Last: run.Last}.Prefixes()...)
	}
	return prefixes
}

// String returns the rules and routes as commands of ip, one a line. Each is a comment, so that it can follow a
// ruleset.
func (r Routing) String() string {
	var text strings.Builder
	for _, rule := range r.Rules {
		fmt.Fprintf(&text, "# ip %s\n", rule)
	}
	for _, route := range r.Routes {
		fmt.Fprintf(&text, "# ip %s\n", route)
	}
	return text.String()
}

// String returns the rule as arguments of ip.
func (r RoutingRule) String() string {
	text := "-4"
	if r.IPv6 {
		text = "-6"
	}
	text += fmt.Sprintf(" rule add priority %d", r.Priority)
	if r.In != "" {
		text += " iif " + r.In
	}
	if r.Mask != 0 {
		text += fmt.Sprintf(" fwmark %#x/%#x", r.Mark, r.Mask)
	}
	if r.FromNetworksOf != "" {
		text += " from NETWORKS-OF-" + r.FromNetworksOf
	}
	if r.From.IsValid() {
		text += fmt.Sprintf(" from %s", r.From)
	}
	if r.To.IsValid() {
		text += fmt.Sprintf(" to %s", r.To)
	}
	text += fmt.Sprintf(" lookup %d", r.Table)
	if r.MinBits > 0 {
		text += fmt.Sprintf(" suppress_prefixlength %d", r.MinBits-1)
	}
	return text + fmt.Sprintf(" protocol %d", contract.RoutingProtocol)
}

// String returns the route as arguments of ip.
func (r Route) String() string {
	text := "route add "
	if r.Type != document.RouteUnicast {
		text += strings.ToLower(string(r.Type)) + " "
	}
	text += r.To.String()
	if r.Via.IsValid() {
		text += fmt.Sprintf(" via %s", r.Via)
	}
	if r.Interface != "" {
		text += " dev " + r.Interface
	}
	if r.Via.IsValid() && r.Interface != "" {
		text += " onlink"
	}
	return text + fmt.Sprintf(" metric %d table %d proto %d", r.Metric, r.Table, contract.RoutingProtocol)
}
