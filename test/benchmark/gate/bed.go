package gate

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/vishvananda/netlink"

	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/gate"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/test/testbed"
)

// lanes is the number of paths from client to server.
const lanes = 2

// aDay is longer than any benchmark.
const aDay = 24 * time.Hour

// bed is the network of one round.
type bed struct {
	t              testing.TB
	client, server *testbed.Namespace
	// gated is the number of the lane with the gate.
	gated int
	fence contract.Fence
}

// firewall allows all connections from the LAN, and translates them to the router's address.
const firewall = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - name: lan
    interfaces: [lan]
  - name: wan
    interfaces: [wan]
  policies:
  - name: out
    from: [lan]
    to: [wan]
    action: Accept
`

// serverAddress returns the server's address on a lane.
func serverAddress(lane int) string { return fmt.Sprintf("10.2.%d.2", lane) }

// newBed makes routers that differ in the gate, with the default firewall or without.
func newBed(t testing.TB, gated int, withFirewall bool) *bed {
	t.Helper()
	b := newHosts(t, gated)
	for lane := range lanes {
		router := b.addLane(lane)
		if withFirewall {
			b.protect(router, validated)
		}
		if lane == gated {
			b.open(router, withFirewall)
		}
	}
	return b
}

func newHosts(t testing.TB, gated int) *bed {
	t.Helper()
	return &bed{
		t: t, client: testbed.NewNamespace(t, "client"), server: testbed.NewNamespace(t, "server"), gated: gated,
	}
}

// addLane adds a path that routes only.
func (b *bed) addLane(lane int) (router *testbed.Namespace) {
	b.t.Helper()
	router = testbed.NewNamespace(b.t, fmt.Sprintf("router%d", lane))
	router.Set(b.t, "net.ipv4.ip_forward", "1")
	testbed.Wire(b.t, b.client, fmt.Sprintf("lane%d", lane), router, "lan")
	testbed.Wire(b.t, router, "wan", b.server, fmt.Sprintf("lane%d", lane))
	for side, host := range map[int]*testbed.Namespace{1: b.client, 2: b.server} {
		host.Link(b.t, fmt.Sprintf("lane%d", lane)).Address(fmt.Sprintf("10.%d.%d.2/24", side, lane))
		router.Link(b.t, map[int]string{1: "lan", 2: "wan"}[side]).Address(fmt.Sprintf("10.%d.%d.1/24", side, lane))
		other := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(3 - side), byte(lane), 0}), 24)
		b.route(host, other, fmt.Sprintf("10.%d.%d.1", side, lane))
	}
	return router
}

func (b *bed) route(host *testbed.Namespace, to netip.Prefix, via string) {
	b.t.Helper()
	err := host.Do(func() error {
		return netlink.RouteReplace(&netlink.Route{
			Dst: &net.IPNet{IP: to.Addr().AsSlice(), Mask: net.CIDRMask(to.Bits(), to.Addr().BitLen())}, Gw: net.ParseIP(via),
		})
	})
	if err != nil {
		b.t.Fatalf("Adding a route to %s: %v", to, err)
	}
}

// validated returns the ruleset of the default firewall.
func validated() (ruleset.Ruleset, error) {
	d, err := document.Parse([]byte(firewall))
	if err != nil {
		return ruleset.Ruleset{}, err
	}
	return plan.Compile(d), nil
}

// protect applies a ruleset to a router.
func (b *bed) protect(router *testbed.Namespace, rules func() (ruleset.Ruleset, error)) {
	b.t.Helper()
	r, err := rules()
	if err == nil {
		err = router.Do(func() error { return nftables.Kernel{}.Replace(r) })
	}
	if err != nil {
		b.t.Fatalf("Applying the firewall of a router: %v", err)
	}
}

// open installs and opens a router's gate, as a sidecar does.
func (b *bed) open(router *testbed.Namespace, sourcesChecked bool) {
	b.t.Helper()
	err := router.Do(func() error {
		kernel, err := rtnetlink.Dial()
		if err != nil {
			return err
		}
		b.t.Cleanup(func() { _ = kernel.Close() })
		g, err := gate.New(gate.Options{
			Interfaces: []string{"lan", "wan"}, Kernel: kernel, Now: clock.Boot, Log: logr.Discard(),
			SourcesChecked: sourcesChecked,
		})
		if err != nil {
			return err
		}
		b.t.Cleanup(func() { _ = g.Close() })
		b.fence = g.Fence()
		if err := g.SetRulesInForce(true); err != nil {
			return err
		}
		return g.Set(context.Background(), gate.Config{Until: clock.Boot() + aDay})
	})
	if err != nil {
		b.t.Fatalf("Opening the gate of a router: %v", err)
	}
}
