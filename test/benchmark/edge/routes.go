package edge

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/vishvananda/netlink"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/dataplane"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// keepDataPlane sets the rules and routes of the unit's data plane and keeps them until the test ends.
func (u unit) keepDataPlane() {
	u.t.Helper()
	plane := dataplane.New(dataplane.Options{
		Networks: []dataplane.Network{{Interface: "lan", Addresses: []netip.Prefix{ipv4, ipv6}}},
		Kernel:   u.kernel, Log: logr.Discard(),
	})
	u.check(plane.Set())
	u.keep(func(ctx context.Context) { plane.Run(ctx, func(error) {}) })
}

// isConnected reports whether a route is that of the unit's IPv4 network.
func isConnected(r rtnetlink.Route) bool {
	return r.Table == contract.DataPlaneTable && r.Protocol == contract.ConnectedProtocol && r.To == ipv4.Masked()
}

// removedRoute removes the route to the neighbours of the interface.
func removedRoute(t testing.TB, times int) []time.Duration {
	u := newUnit(t)
	u.keepDataPlane()
	find := func() (rtnetlink.Route, bool) {
		routes, err := u.kernel.Routes()
		u.check(err)
		at := slices.IndexFunc(routes, isConnected)
		if at < 0 {
			return rtnetlink.Route{}, false
		}
		return routes[at], true
	}
	isThere := func() bool {
		_, found := find()
		return found
	}
	return u.measure(times, isThere, func() error {
		route, _ := find()
		return u.kernel.RemoveRoutes([]rtnetlink.Route{route})
	})
}

// removedRule removes the rule that selects the data plane's table for what arrives at the interface.
func removedRule(t testing.TB, times int) []time.Duration {
	u := newUnit(t)
	u.keepDataPlane()
	find := func() *netlink.Rule {
		rules, err := netlink.RuleList(netlink.FAMILY_V4)
		u.check(err)
		for _, r := range rules {
			if r.IifName == "lan" && r.Table == contract.DataPlaneTable {
				return &r
			}
		}
		return nil
	}
	return u.measure(times, func() bool { return find() != nil }, func() error { return netlink.RuleDel(find()) })
}
