package document

import "net/netip"

// DefaultMetric is the metric of a static route that names none.
const DefaultMetric = 100

// TunnelMetric is the metric of the routes to the networks of tunnels. It prefers a tunnel to a static route to the
// same network, which would send its packets in clear.
const TunnelMetric = 1

// Routing is where the unit sends the packets that it forwards. The networks of the pair need no route.
type Routing struct {
	// Routes are the static routes. The most specific destination decides, and then the lowest metric.
	Routes []Route `json:"routes,omitempty"`
	// PolicyRoutes are tried before Routes, in order. The first match decides.
	PolicyRoutes []PolicyRoute `json:"policyRoutes,omitempty"`
	// Dynamic are the protocols by which the unit learns more routes.
	Dynamic DynamicRouting `json:"dynamic,omitzero"`
}

// Route is a static route to one destination.
type Route struct {
	Name string       `json:"name"`
	To   netip.Prefix `json:"to"`
	// Type is RouteUnicast if it is empty.
	Type RouteType `json:"type,omitempty"`
	// Via is the next hop. Without it the destination is on the link of Interface.
	Via netip.Addr `json:"via,omitzero"`
	// Interface is an interface of a zone. Without it the route leaves by the interface that Via is on.
	Interface string `json:"interface,omitempty"`
	// Metric is DefaultMetric if it is zero.
	Metric uint16 `json:"metric,omitempty"`
}

// EffectiveMetric returns the metric that the route is installed with.
func (r Route) EffectiveMetric() uint16 {
	if r.Metric == 0 {
		return DefaultMetric
	}
	return r.Metric
}

// Forwards reports whether the route has a next hop or an interface.
func (r Route) Forwards() bool { return r.Type == "" || r.Type == RouteUnicast }

// isOnLink reports whether the route makes its destinations neighbours on the link of its interface. A default route
// does not count: it is for a link whose neighbours answer for everybody, and says nothing about a next hop.
func (r Route) isOnLink() bool {
	return r.Forwards() && r.Interface != "" && !r.Via.IsValid() && r.To.Bits() > 0
}

// RouteType is what happens to the packets of a static route.
type RouteType string

// The types of static routes.
const (
	// RouteUnicast forwards packets.
	RouteUnicast RouteType = "Unicast"
	// RouteBlackhole drops packets without an answer.
	RouteBlackhole RouteType = "Blackhole"
	// RouteUnreachable answers packets with an ICMP error.
	RouteUnreachable RouteType = "Unreachable"
)

func (RouteType) known() []string {
	return []string{string(RouteUnicast), string(RouteBlackhole), string(RouteUnreachable)}
}

// PolicyRoute is a route for packets that come from a zone.
type PolicyRoute struct {
	Name string   `json:"name"`
	From []string `json:"from"`
	// Source and Destination refer to address objects. An empty list matches everything.
	Source      []string `json:"source,omitempty"`
	Destination []string `json:"destination,omitempty"`
	// Type is PolicyRouteUnicast if it is empty.
	Type PolicyRouteType `json:"type,omitempty"`
	// Via and Interface are those of a static route.
	Via       netip.Addr `json:"via,omitzero"`
	Interface string     `json:"interface,omitempty"`
}

// Forwards reports whether the policy route has a next hop or an interface.
func (r PolicyRoute) Forwards() bool { return r.Type == "" || r.Type == PolicyRouteUnicast }

// PolicyRouteType is what happens to the packets of a policy route.
type PolicyRouteType string

// The types of policy routes.
const (
	// PolicyRouteUnicast forwards packets.
	PolicyRouteUnicast PolicyRouteType = "Unicast"
	// PolicyRouteBlackhole drops packets without an answer.
	PolicyRouteBlackhole PolicyRouteType = "Blackhole"
	// PolicyRouteUnreachable answers packets with an ICMP error.
	PolicyRouteUnreachable PolicyRouteType = "Unreachable"
	// PolicyRouteExempt leaves packets to the static routes. Later policy routes do not apply to them.
	PolicyRouteExempt PolicyRouteType = "Exempt"
)

func (PolicyRouteType) known() []string {
	return []string{
		string(PolicyRouteUnicast), string(PolicyRouteBlackhole), string(PolicyRouteUnreachable),
		string(PolicyRouteExempt),
	}
}
