package edge

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

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
		_, err := u.kernel.RemoveRoutes([]rtnetlink.Route{route})
		return err
	})
}

// removedLocalRoute removes the route by which the unit receives what is sent to a virtual address. Its address is
// removed after some time, and put back with the route.
func removedLocalRoute(p netip.Prefix) func(t testing.TB, times int) []time.Duration {
	return func(t testing.TB, times int) []time.Duration {
		u := newUnit(t)
		u.keepDataPlane()
		find := func() []rtnetlink.Route {
			routes, err := u.kernel.Routes()
			u.check(err)
			return slices.DeleteFunc(routes, func(r rtnetlink.Route) bool {
				return r.Table != unix.RT_TABLE_LOCAL || r.Type != rtnetlink.Local || r.To.Addr() != p.Addr()
			})
		}
		isThere := func() bool { return len(find()) > 0 }
		u.await("the kernel has set the local route", isThere)
		return u.measure(times, isThere, func() error {
			_, err := u.kernel.RemoveRoutes(find())
			return err
		})
	}
}

// removedKernelRule removes the rule with which the kernel begins for a table.
func removedKernelRule(table int) func(t testing.TB, times int) []time.Duration {
	return func(t testing.TB, times int) []time.Duration {
		return removedRuleOf(t, times, func(r netlink.Rule) bool { return r.IifName == "" && r.Table == table })
	}
}

// removedRule removes the rule that selects the data plane's table for what arrives at the interface.
func removedRule(t testing.TB, times int) []time.Duration {
	return removedRuleOf(t, times, func(r netlink.Rule) bool {
		return r.IifName == "lan" && r.Table == contract.DataPlaneTable
	})
}

// removedRuleOf removes the first IPv4 rule that is wanted.
func removedRuleOf(t testing.TB, times int, isWanted func(netlink.Rule) bool) []time.Duration {
	u := newUnit(t)
	u.keepDataPlane()
	find := func() *netlink.Rule {
		rules, err := netlink.RuleList(netlink.FAMILY_V4)
		u.check(err)
		for _, r := range rules {
			if isWanted(r) {
				return &r
			}
		}
		return nil
	}
	return u.measure(times, func() bool { return find() != nil }, func() error { return netlink.RuleDel(find()) })
}
