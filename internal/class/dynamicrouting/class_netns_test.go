//go:build netns

package dynamicrouting

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

func TestContract(t *testing.T) {
	classtest.Run(t, func(t *testing.T) classtest.Pair {
		active, standby := newUnit(t, "a"), newUnit(t, "b")
		version := byte(0)
		route := func(i int) rtnetlink.MultipathRoute {
			version++
			r := rtnetlink.MultipathRoute{
				Table: contract.DataPlaneTable, Type: rtnetlink.Unicast, Metric: 20, Protocol: contract.OSPFProtocol,
				To:   netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i)}), 16),
				Hops: []rtnetlink.NextHop{{Via: netip.AddrFrom4([4]byte{192, 0, 2, version}), Interface: active.link, Weight: 1}},
			}
			if i%2 == 1 {
				r.Protocol = contract.BGPProtocol
				r.To = netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, byte(i)}), 32)
				r.Hops[0].Via = netip.AddrFrom16([16]byte{0xfe, 0x80, 15: version})
			}
			return r
		}
		put := func(i int) {
			if err := active.kernel.SetMultipathRoute(route(i)); err != nil {
				t.Fatal(err)
			}
		}
		remove := func(i int) {
			if err := active.kernel.RemoveMultipathRoute(route(i)); err != nil {
				t.Fatal(err)
			}
		}
		return classtest.Pair{
			Active: active.Class, Standby: standby.Class, Put: put, Remove: remove,
			Overrun: func() {
				table := active.Source.(source).table
				table.mu.Lock()
				defer table.mu.Unlock()
				for range 30_000 {
					put(0)
				}
				remove(0)
			},
		}
	})
}

// The standby's kernel has all learned routes, and follows each change.
func TestStandbyHoldsLearnedRoutes(t *testing.T) {
	active, standby := newUnit(t, "a"), newUnit(t, "b")
	for _, line := range learned {
		active.ip(line)
	}
	classtest.Replicate(t, active.Class, standby.Class)
	standby.wantHeld("at first", holding...)
	active.wantHeld("on the active")

	w := classtest.Watch(t, active.Class)
	active.ip("route replace 10.1.0.0/16 via 192.0.2.9 dev lan0 onlink table 7780 proto ospf metric 20")
	active.ip("route del 10.2.0.0/16 table 7780")
	active.ip("-6 route del fd02::/16 via fe80::8 dev lan0 table 7780")
	classtest.Apply(t, standby.Class, classtest.Drain(t, w))
	standby.wantHeld("after changes", "10.1.0.0/16 via 192.0.2.9 dev lan0", "fd02::/16 via fe80::7 dev lan0")
	if got := standby.held(); strings.Contains(got, "10.2.0.0") || strings.Contains(got, "fe80::8") {
		t.Errorf("what was withdrawn is held: %q", got)
	}
}

// Only learned routes of the data plane's table are replicated that both units can have.
func TestOtherRoutesAreNotReplicated(t *testing.T) {
	u := newUnit(t, "a")
	for _, line := range []string{
		"route add 10.1.0.0/16 dev lan0 table 7780 proto static",
		"route add 10.1.0.0/16 dev lan0 table 7780 proto 179 metric 1",
		"route add 10.1.0.0/16 dev lan0 proto ospf",
		"route add 10.1.0.0/16 dev lan0 table 7801 proto ospf",
		"route add 10.1.0.0/16 dev other0 table 7780 proto ospf metric 2",
		"route add 10.1.0.0/16 dev lan0 table 7780 proto ospf metric 3 tos 0x10",
		"route add 10.1.0.0/16 dev lan0 table 7780 proto ospf metric 16777216",
		"route add 224.0.0.0/4 dev lan0 table 7780 proto ospf",
		"-6 route add fe80::/64 dev lan0 table 7780 proto ospf",
	} {
		u.ip(line)
	}
	if got := classtest.Snapshot(t, u.Class); len(got) != 0 {
		t.Errorf("%d routes are replicated: %+v", len(got), got)
	}
	u.ip("route replace 10.1.0.0/16 dev lan0 table 7780 proto ospf metric 2")
	if got := classtest.Snapshot(t, u.Class); len(got) != 1 {
		t.Errorf("%d routes are replicated, want 1", len(got))
	}
}

// What a protocol withdraws because its interface is down stays on the standby, which may be about to take over.
func TestLostInterfaceWithdrawsNothing(t *testing.T) {
	for name, lose := range map[string][]string{
		"lost carrier": {"link set far down", "route del 10.1.0.0/16 table 7780", "-6 route del fd01::/16 table 7780"},
		"set down":     {"link set lan0 down"},
		"deleted":      {"link del lan0"},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUnit(t, "a")
			u.namespace.Link(t, "far").Up()
			testbed.Eventually(t, "the interface has a carrier", func() bool {
				link, err := u.kernel.Link("lan0")
				return err == nil && link.Up
			})
			u.ip(learned[0])
			u.ip(learned[5])
			u.ip(learned[2]) // It has no interface.
			w := classtest.Watch(t, u.Class)
			if got := len(classtest.Snapshot(t, u.Class)); got != 3 {
				t.Fatalf("%d routes, want 3", got)
			}
			table := u.Source.(source).table
			table.mu.Lock()
			for _, line := range lose {
				u.ip(line)
			}
			u.ip("route del blackhole 10.3.0.0/16 table 7780 metric 20")
			table.mu.Unlock()
			first := classtest.Drain(t, w)
			if len(first) != 1 || first[0].Op != state.Delete || !strings.Contains(first[0].Key, "\x0a\x03") {
				t.Errorf("got %+v, want the withdrawal of the route without an interface", first)
			}
			u.endHold()
			if got := classtest.Drain(t, w); len(got) != 2 || got[0].Op != state.Delete || got[1].Op != state.Delete {
				t.Errorf("got %+v, want the withdrawal of the other routes", got)
			}
		})
	}
}

// The class takes no more routes than its bound, and says that its table is full. It refuses what concerns other
// interfaces.
func TestBound(t *testing.T) {
	u := newUnit(t, "b")
	all := make([]state.Change, 0, maxRoutes+2)
	v := value{kind: rtnetlink.Blackhole}
	for i := range maxRoutes + 1 {
		k := key{to: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i)}), 24)}
		all = append(all, state.Change{Class: state.DynamicRouting, Op: state.Upsert, Key: k.encode(), Record: v.encode()})
	}
	other := value{kind: rtnetlink.Unicast, hops: []hop{{device: "other0", weight: 1}}}
	all = append(all, state.Change{Class: state.DynamicRouting, Op: state.Upsert, Key: all[0].Key, Record: other.encode()})
	outcome, err := u.Sink.Apply(t.Context(), all)
	if err != nil || outcome.Refused != [class.Refusals]int{class.Full: 1, class.Excluded: 1} {
		t.Errorf("%v refused: %v, %v", outcome.Refused, outcome.Err, err)
	}
	if got := strings.Count(u.held(), "blackhole"); got != maxRoutes {
		t.Errorf("%d routes are held, want %d", got, maxRoutes)
	}
	for i := range 2 { // On an active, too, the bound holds.
		u.ip(fmt.Sprintf("route add blackhole 10.250.%d.0/24 table 7780 proto ospf", i))
	}
	if _, err := u.Source.Watch(); err != nil {
		t.Fatal(err)
	}
	if got := len(classtest.Snapshot(t, u.Class)); got != maxRoutes {
		t.Errorf("%d routes are replicated, want %d", got, maxRoutes)
	}
}
