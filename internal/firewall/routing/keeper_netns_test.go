//go:build netns

package routing

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

// TestMain runs the tests in a network namespace of their own, which is that of the unit.
func TestMain(m *testing.M) {
	namespace.Alone()
	goleak.VerifyTestMain(m)
}

// unit is the network namespace of the process, with a LAN and a WAN whose other ends are in another namespace. The LAN
// has no address. The data plane's table is as package dataplane sets it, and empty where a test empties it.
type unit struct {
	*testing.T
	own, far *testbed.Namespace
	kernel   *rtnetlink.Conn
	keeper   *Keeper
}

func newUnit(t *testing.T) *unit {
	t.Helper()
	u := &unit{T: t, own: testbed.Own(), far: testbed.NewNamespace(t, "far")}
	u.own.Link(t, "lo").Up()
	u.kernel = testbed.Open(t, u.own, rtnetlink.Dial)
	u.addLink("lan")
	u.addLink("wan")
	if _, err := u.kernel.SetRules(contract.ConnectedProtocol, dataPlaneRules()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, line := range []string{
			"rule flush protocol 178",
			"-6 rule flush protocol 178", "route flush table all proto 179",
			"-6 route flush table all proto 179", "rule flush protocol 179", "-6 rule flush protocol 179",
		} {
			_, _ = u.own.Try("ip " + line) // What a test has removed is absent.
		}
	})
	u.keeper = New(u.kernel, testr.New(t))
	return u
}

// dataPlaneRules returns rules that select the data plane's table for sockets of its interfaces, and for its next hops.
func dataPlaneRules() []rtnetlink.Rule {
	var rules []rtnetlink.Rule
	for _, name := range []string{"lan", "wan"} {
		for _, ipv6 := range []bool{false, true} {
			rules = append(rules, rtnetlink.Rule{
				IPv6: ipv6, Priority: contract.DataPlanePriority, Out: name, Table: contract.DataPlaneTable,
			})
		}
	}
	return rules
}

func (u *unit) addLink(name string) {
	u.Helper()
	testbed.Wire(u, u.own, name, u.far, name+"0")
	u.connect()
}

// connect sets the connected routes of the interfaces that exist and are up.
func (u *unit) connect() {
	u.Helper()
	var routes []rtnetlink.Route
	for name, prefixes := range map[string][]string{
		"lan": {"192.168.50.0/24", "fd50::/64"}, "wan": {"203.0.113.0/24", "2001:db8:113::/64"},
	} {
		link, err := u.kernel.Link(name)
		if err != nil || !link.Enabled {
			continue
		}
		for _, p := range prefixes {
			routes = append(routes, rtnetlink.Route{To: netip.MustParsePrefix(p), Interface: link.Index})
		}
	}
	if _, err := u.kernel.SetRoutes(contract.DataPlaneTable, contract.ConnectedProtocol, routes); err != nil {
		u.Fatal(err)
	}
}

// ip runs a command of iproute2.
func (u *unit) ip(line string) string { u.Helper(); return u.own.Run(u, "ip "+line) }

// run keeps routes until the test ends.
func (u *unit) run() { testbed.Background(u, u.keeper.Run) }

// state returns all routes and rules of the firewall, sorted.
func (u *unit) state() string {
	u.Helper()
	routes, err := u.kernel.Routes()
	if err != nil {
		u.Fatal(err)
	}
	rules, err := u.kernel.Rules()
	if err != nil {
		u.Fatal(err)
	}
	var lines []string
	for _, r := range routes {
		if r.Protocol == contract.RoutingProtocol {
			r.Interface = 0 // differs when an interface was made again
			lines = append(lines, r.String())
		}
	}
	for _, r := range rules {
		if r.Protocol == contract.RoutingProtocol {
			lines = append(lines, r.String())
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func route(to, via, name string) plan.Route {
	r := plan.Route{
		Field: "spec.routing." + to, Table: contract.DataPlaneTable, Type: document.RouteUnicast,
		To: netip.MustParsePrefix(to), Interface: name, Metric: 100,
	}
	if via != "" {
		r.Via = netip.MustParseAddr(via)
	}
	return r
}

// site returns routes and rules of every kind.
func site() plan.Routing {
	blackhole, policy, policy6 := route("10.0.0.0/8", "", ""), route("0.0.0.0/0", "203.0.113.253", ""),
		route("::/0", "2001:db8:113::fd", "wan")
	blackhole.Type = document.RouteBlackhole
	policy.Table, policy6.Table = contract.PolicyRouteTable, contract.PolicyRouteTable
	return plan.Routing{
		Interfaces: []string{"lan", "wan"},
		Routes: []plan.Route{
			route("0.0.0.0/0", "203.0.113.254", ""), route("::/0", "2001:db8:113::fe", ""),
			route("10.20.0.0/16", "192.168.50.254", "lan"), route("fd20::/64", "fe80::254", "lan"),
			route("198.51.100.0/24", "198.18.0.1", ""), route("198.18.0.1/32", "", "wan"),
			route("2001:db8:51::/48", "2001:db8:18::1", ""), route("2001:db8:18::/64", "", "wan"),
			blackhole, policy, policy6,
		},
		Rules: []plan.RoutingRule{
			{Priority: contract.PolicyRoutePriority, Table: contract.PolicyRouteTable, In: "lan"},
			{Priority: contract.PolicyRoutePriority, Table: contract.PolicyRouteTable, In: "lan", IPv6: true},
		},
	}
}

func TestRemovedOrChangedRoutesAndRulesArePutBack(t *testing.T) {
	u := newUnit(t)
	u.keeper.Set(site())
	want := u.state()
	if got := strings.Count(want, "\n") + 1; got != len(site().Routes)+len(site().Rules) {
		t.Fatalf("set:\n%s", want)
	}
	u.run()
	u.ip("address add 192.0.2.1/24 dev wan")
	for _, c := range []struct{ name, does string }{
		{"a route", "route del default via 203.0.113.254 table 7780"},
		{"an IPv6 route", "-6 route del default via 2001:db8:113::fe table 7780"},
		{"all IPv4 routes", "route flush table 7780 proto 179"},
		{"all IPv6 routes", "-6 route flush table 7780 proto 179"},
		{"a next hop", "route replace 10.20.0.0/16 via 192.168.50.9 dev lan onlink table 7780 metric 100"},
		{"a type", "route replace blackhole 10.20.0.0/16 table 7780 metric 100"},
		{"an excess route of the firewall's protocol", "route add 10.99.0.0/16 dev lan table 7780 proto 179"},
		{"a table", "route flush table 7800"},
		{"a rule", "rule del priority 7000"},
		{"an IPv6 rule", "-6 rule del priority 7000"},
		{"an excess rule of the firewall's protocol", "rule add priority 7001 iif wan lookup 7800 protocol 179"},
		{"the last IPv4 address of the interface", "address del 192.0.2.1/24 dev wan"},
		{"an interface that is set down and up", "link set wan down; link set wan up"},
		{"both interfaces", "link set wan down; link set lan down; link set lan up; link set wan up"},
		{"an interface that is made again", "link del wan"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for line := range strings.SplitSeq(c.does, ";") {
				u.ip(strings.TrimSpace(line))
			}
			if strings.Contains(c.does, "link del") {
				u.addLink("wan")
			}
			u.connect()
			begun := time.Now()
			testbed.Eventually(t, "the routes are put back", func() bool { return u.state() == want })
			if took := time.Since(begun); took > time.Second {
				t.Errorf("put back after %s", took)
			}
		})
	}
}

// TestRemovedRouteIsBackSoon prints how long the routes take to come back.
func TestRemovedRouteIsBackSoon(t *testing.T) {
	const times = 100
	u := newUnit(t)
	u.keeper.Set(site())
	want := u.state()
	u.run()
	for _, c := range []struct{ what, does string }{
		{"route", "route del default via 203.0.113.254 table 7780"}, {"rule", "-6 rule del priority 7000"},
	} {
		var waits []time.Duration
		for range times {
			testbed.Pause(t, 20*time.Millisecond)
			u.ip(c.does)
			begun := time.Now()
			testbed.Eventually(t, "the "+c.what+" is put back", func() bool { return u.state() == want })
			waits = append(waits, time.Since(begun))
		}
		slices.Sort(waits)
		p50, p99 := waits[times/2], waits[times*99/100]
		t.Logf("removed %s back after p50 %s, p99 %s (%d times)", c.what, p50.Round(time.Millisecond),
			p99.Round(time.Millisecond), times)
		if p50 > 100*time.Millisecond || p99 > time.Second {
			t.Errorf("the %s came back too late", c.what)
		}
	}
}

// Routes that a unit cannot have now do not keep it from having the others, and are set as soon as it can.
func TestRoutesThatCannotBeSetAreReportedAndTriedAgain(t *testing.T) {
	u := newUnit(t)
	u.ip("link set wan down")
	u.ip("link del lan")
	u.run()
	u.keeper.Set(site())
	testbed.Eventually(t, "the fault is reported", func() bool {
		fault := u.keeper.Fault()
		return strings.Contains(fault, "spec.routing.0.0.0.0/0: next hop 203.0.113.254 is on no network of the unit") &&
			strings.Contains(fault, `spec.routing.10.20.0.0/16: interface "lan" does not exist`) &&
			strings.Contains(fault, "more")
	})
	if got := u.state(); !strings.Contains(got, "blackhole 10.0.0.0/8") || !strings.Contains(got, "iif lan") {
		t.Errorf("set:\n%s", got)
	}
	u.ip("link set wan up")
	u.addLink("lan")
	testbed.Eventually(t, "everything is set", func() bool { return u.keeper.Fault() == "" })
	if got := strings.Count(u.state(), "\n") + 1; got != len(site().Routes)+len(site().Rules) {
		t.Errorf("set:\n%s", u.state())
	}

	refused := site()
	refused.Routes[0].Via, refused.Routes[0].Interface = netip.MustParseAddr("203.0.113.1"), "wan"
	u.ip("address add 203.0.113.1/24 dev wan noprefixroute")
	u.keeper.Set(refused) // The kernel refuses its own address as a next hop.
	testbed.Eventually(t, "the refusal is reported", func() bool {
		return strings.HasPrefix(u.keeper.Fault(), "spec.routing.0.0.0.0/0: adding route 0.0.0.0/0 via 203.0.113.1 ")
	})
	if strings.Contains(u.state(), "203.0.113.254") {
		t.Errorf("the earlier route is still set:\n%s", u.state())
	}
}

// A refused rule is reported with the field of the document that it comes from, and does not stop the others.
func TestRefusedRulesAreReportedWithTheirFields(t *testing.T) {
	u := newUnit(t)
	u.keeper.fault.After = 0
	wanted := site()
	const tooLong = "an-interface-with-a-long-name"
	wanted.Rules = append([]plan.RoutingRule{
		{Field: "spec.wan.links[1]", Priority: 7128, Table: 7929, Mark: 0x10000, Mask: 0xff0000, In: tooLong},
		{
			Field: "spec.routing.policyRoutes[2]", Priority: 7002, Table: 7802, In: tooLong,
			From: netip.MustParsePrefix("192.168.50.7/24"),
		},
		{Field: "spec.wan.links[0]", Priority: 7130, Table: 7928, In: "lo", FromNetworksOf: "wan"},
	}, wanted.Rules...)
	for range 2 { // The first time, it may be over at once.
		u.keeper.Set(wanted)
	}
	got := u.keeper.Fault()
	for _, want := range []string{
		"spec.wan.links[1]: adding rule 7128:", "spec.routing.policyRoutes[2]: adding rule 7002: from 192.168.50.0/24",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the fault is %q, want one with %q", got, want)
		}
	}
	if strings.Contains(got, "links[0]") || strings.Count(u.state(), "lookup") != len(site().Rules)+1 {
		t.Errorf("the fault is %q, and set is:\n%s", got, u.state())
	}
}

// A next hop is a neighbour on the segment, even if the pod's network covers its address.
func TestNextHopThatThePodNetworkCovers(t *testing.T) {
	u := newUnit(t)
	u.ip("link add eth0 type veth peer name eth1")
	t.Cleanup(func() { u.ip("link del eth0") })
	u.ip("link set eth0 up")
	u.ip("route add 203.0.113.0/24 dev eth0")
	u.ip("-6 route add 2001:db8:113::/64 dev eth0")
	u.keeper.Set(site())
	got := u.state()
	for _, via := range []string{"0.0.0.0/0 via 203.0.113.254", "::/0 via 2001:db8:113::fe"} {
		if !strings.Contains(got, via) {
			t.Errorf("%s is not set:\n%s", via, got)
		}
	}
	if out := u.ip("route show table 7780") + u.ip("-6 route show table 7780"); strings.Contains(out, "eth0") {
		t.Errorf("a route leaves by the pod's interface:\n%s", out)
	}
}

// The route of the next metric is used while the interface of the first has no carrier.
func TestRouteOfTheNextMetricReplacesOneWithoutACarrier(t *testing.T) {
	u := newUnit(t)
	second, second6 := route("0.0.0.0/0", "192.168.50.254", ""), route("::/0", "fe80::254", "lan")
	second.Metric, second6.Metric = 200, 200
	wanted := site()
	wanted.Routes = append(wanted.Routes, second, second6)
	u.keeper.Set(wanted)
	want := u.state()
	u.run()
	u.far.Link(t, "wan0").Down()
	testbed.Eventually(t, "the routes by the WAN are gone", func() bool {
		got := u.state()
		return !strings.Contains(got, "203.0.113.254") && !strings.Contains(got, "2001:db8:113::fe") &&
			strings.Contains(got, "0.0.0.0/0 via 192.168.50.254") && strings.Contains(got, "::/0 via fe80::254")
	})
	u.far.Link(t, "wan0").Up()
	testbed.Eventually(t, "all routes are back", func() bool { return u.state() == want })
}
