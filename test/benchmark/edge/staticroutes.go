package edge

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/firewall/routing"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// static is a route of the firewall's document.
var static = plan.Route{
	Field: "spec.routing", Table: contract.DataPlaneTable, Type: document.RouteUnicast,
	To: netip.MustParsePrefix("10.9.0.0/16"), Via: netip.MustParseAddr("192.168.50.9"), Metric: 100,
}

// keepStaticRoute sets the route and keeps it until the test ends. It returns how to find it in the kernel.
func (u unit) keepStaticRoute() (find func() []rtnetlink.Route) {
	u.t.Helper()
	u.keepDataPlane()
	keeper := routing.New(u.kernel, logr.Discard())
	keeper.Set(plan.Routing{Interfaces: []string{"lan"}, Routes: []plan.Route{static}})
	u.keep(keeper.Run)
	return func() []rtnetlink.Route {
		routes, err := u.kernel.Routes()
		u.check(err)
		return slices.DeleteFunc(routes, func(r rtnetlink.Route) bool { return r.Protocol != contract.RoutingProtocol })
	}
}

// removedStaticRoute removes the firewall's route.
func removedStaticRoute(t testing.TB, times int) []time.Duration {
	u := newUnit(t)
	find := u.keepStaticRoute()
	wanted := find()
	return u.measure(times, func() bool { return slices.Equal(find(), wanted) }, func() error {
		_, err := u.kernel.RemoveRoutes(wanted)
		return err
	})
}

// changedStaticRoute gives the firewall's route another next hop.
func changedStaticRoute(t testing.TB, times int) []time.Duration {
	u := newUnit(t)
	find := u.keepStaticRoute()
	wanted := find()
	return u.measure(times, func() bool { return slices.Equal(find(), wanted) }, func() error {
		changed := slices.Clone(wanted)
		for i := range changed {
			changed[i].Via = netip.MustParseAddr("192.168.50.66")
		}
		_, err := u.kernel.SetRoutes(contract.DataPlaneTable, contract.RoutingProtocol, changed)
		return err
	})
}
