//go:build netns

package dynamicrouting

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// unit is a class in a network namespace of its own, with one traffic interface.
type unit struct {
	class.Class
	t         *testing.T
	namespace *testbed.Namespace
	kernel    *rtnetlink.Conn
	link      int
	isClosed  bool
}

func newUnit(t *testing.T, name string) *unit {
	t.Helper()
	return newUnitHolding(t, name, holdTime)
}

func newUnitHolding(t *testing.T, name string, hold time.Duration) *unit {
	t.Helper()
	u := &unit{t: t, namespace: testbed.NewNamespace(t, name)}
	testbed.Wire(t, u.namespace, "lan0", u.namespace, "far")
	testbed.Wire(t, u.namespace, "other0", u.namespace, "otherfar")
	u.namespace.Link(t, "other0").Up()
	u.link = u.namespace.Link(t, "lan0").Up().Index()
	u.kernel = testbed.Open(t, u.namespace, rtnetlink.Dial)
	u.start(hold)
	return u
}

// start opens the class in the namespace.
func (u *unit) start(hold time.Duration) {
	u.t.Helper()
	err := u.namespace.Do(func() (err error) {
		u.Class, err = newTable([]string{"lan0"}, hold).start()
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	opened := u.Class
	u.t.Cleanup(func() {
		if u.isClosed {
			return
		}
		if err := opened.Close(); err != nil {
			u.t.Error(err)
		}
	})
}

// endHold makes everything expire that waits for a confirmation.
func (u *unit) endHold() {
	u.t.Helper()
	table := u.Source.(source).table
	table.mu.Lock()
	defer table.mu.Unlock()
	for _, r := range table.records {
		if r.expiry != 0 {
			r.expiry = 1
		}
	}
	table.nextExpiry = 1
	if err := table.update(); err != nil {
		u.t.Fatal(err)
	}
}

// ip adds, replaces or removes a route of the data plane's table.
func (u *unit) ip(line string) {
	u.t.Helper()
	u.namespace.Run(u.t, "ip "+line)
}

// held returns the held routes of the kernel, as ip prints them.
func (u *unit) held() string {
	u.t.Helper()
	text := ""
	for _, family := range []string{"-4", "-6"} {
		shown, err := u.namespace.Try("ip " + family + " route show table 7780 proto 180")
		if err != nil && !strings.Contains(err.Error()+shown, "FIB table does not exist") {
			u.t.Fatal(err)
		}
		if err == nil {
			text += shown
		}
	}
	return strings.Join(strings.Fields(text), " ")
}

func (u *unit) wantHeld(what string, want ...string) {
	u.t.Helper()
	got := u.held()
	for _, w := range want {
		if !strings.Contains(got, w) {
			u.t.Errorf("%s, no %q is held in %q", what, w, got)
		}
	}
	if len(want) == 0 && got != "" {
		u.t.Errorf("%s, %q is held", what, got)
	}
}

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

// learned has routes of every shape, as ip adds them.
var learned = []string{
	"route add 10.1.0.0/16 via 192.0.2.7 dev lan0 onlink table 7780 proto ospf metric 20",
	"route add 10.2.0.0/16 table 7780 proto bgp metric 20 " +
		"nexthop via 192.0.2.7 dev lan0 onlink weight 2 nexthop via 192.0.2.8 dev lan0 onlink",
	"route add blackhole 10.3.0.0/16 table 7780 proto bgp metric 20",
	"route add 10.4.0.0/16 via inet6 fe80::7 dev lan0 table 7780 proto bgp metric 20",
	"route add default via 192.0.2.7 dev lan0 onlink table 7780 proto rip metric 20",
	"-6 route add fd01::/16 via fe80::7 dev lan0 table 7780 proto 190 metric 20",
	"-6 route add fd02::/16 table 7780 proto ospf metric 30 nexthop via fe80::7 dev lan0 nexthop via fe80::8 dev lan0",
}

// holding has what ip shows of them on the standby. The metric has the distance 201 in its upper byte.
var holding = []string{
	"10.1.0.0/16 via 192.0.2.7 dev lan0 metric 3372220436 onlink",
	"10.2.0.0/16 metric 3372220436 nexthop via 192.0.2.7 dev lan0 weight 2 onlink " +
		"nexthop via 192.0.2.8 dev lan0 weight 1 onlink",
	"blackhole 10.3.0.0/16 metric 3372220436",
	"10.4.0.0/16 via inet6 fe80::7 dev lan0 metric 3372220436",
	"default via 192.0.2.7 dev lan0 metric 3372220436",
	"fd01::/16 via fe80::7 dev lan0 metric 3372220436",
	"fd02::/16 metric 3372220446",
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

// A new active removes each held route once its own protocol has the same, and the others after a while. Its standby
// does the same.
func TestHeldRoutesEndAfterAPromotion(t *testing.T) {
	active, standby := newUnit(t, "a"), newUnit(t, "b")
	for _, line := range learned {
		active.ip(line)
	}
	classtest.Replicate(t, active.Class, standby.Class)
	if err := standby.Sink.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := classtest.Watch(t, standby.Class)
	standby.wantHeld("after the promotion", holding...)
	standby.ip("-6 route add fd01::/16 via fe80::9 dev lan0 table 7780 proto 190 metric 20")
	standby.ip(learned[0])
	sent := classtest.Drain(t, w)
	if len(sent) != 1 || sent[0].Op != state.Upsert || !strings.Contains(sent[0].Key, "\xfd\x01") {
		t.Errorf("the protocol's own routes sent %+v, want the one that differs", sent)
	}
	if got := standby.held(); strings.Contains(got, "10.1.0.0") || strings.Contains(got, "fd01::") {
		t.Errorf("routes that the protocol has are held: %q", got)
	}
	standby.wantHeld("after the protocol's first routes", "10.2.0.0/16", "fd02::/16")
	standby.endHold()
	standby.wantHeld("after the time for holding")
	for _, c := range classtest.Drain(t, w) {
		if c.Op != state.Delete {
			t.Errorf("unexpected: %+v", c)
		}
	}
	if got := classtest.Snapshot(t, standby.Class); len(got) != 2 {
		t.Errorf("%d routes are left, want 2", len(got))
	}
}

// Nothing happens but that time passes: more than the new interfaces need to become quiet.
func TestHeldRoutesEndByThemselves(t *testing.T) {
	active, standby := newUnit(t, "a"), newUnitHolding(t, "b", 1500*time.Millisecond)
	standby.namespace.Set(t, "net.ipv6.conf.all.disable_ipv6", "1") // Its timers cause events.
	active.ip(learned[0])
	classtest.Replicate(t, active.Class, standby.Class)
	standby.wantHeld("on the standby", holding[0])
	if err := standby.Sink.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "the held route is gone", func() bool { return standby.held() == "" })
}

// A unit that was active before may still have routes of its routing protocol when it is active again. When the
// protocol starts again and removes them, the held ones are there.
func TestRemaindersReplaceNoHeldRoutes(t *testing.T) {
	for name, isRemoved := range map[string]bool{"removed by the protocol": true, "confirmed": false} {
		t.Run(name, func(t *testing.T) {
			active, standby := newUnit(t, "a"), newUnit(t, "b")
			active.ip(learned[0])
			standby.ip("route add 10.1.0.0/16 via 192.0.2.66 dev lan0 onlink table 7780 proto ospf metric 20")
			classtest.Replicate(t, active.Class, standby.Class)
			w := classtest.Watch(t, standby.Class)
			standby.wantHeld("after the promotion", holding[0])
			if isRemoved {
				standby.ip("route del 10.1.0.0/16 via 192.0.2.66 table 7780")
				standby.wantHeld("after the remainder is gone", holding[0])
			}
			if got := classtest.Drain(t, w); len(got) != 0 {
				t.Errorf("unexpected: %+v", got)
			}
			standby.endHold()
			standby.wantHeld("after the time for holding")
			got := classtest.Drain(t, w)
			if len(got) != 1 || (got[0].Op == state.Delete) != isRemoved {
				t.Errorf("got %+v", got)
			}
		})
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

// The kernel removes the routes of an interface that is set down. They are there again when it is up.
func TestHeldRoutesAreRestored(t *testing.T) {
	active, standby := newUnit(t, "a"), newUnit(t, "b")
	for _, line := range learned {
		active.ip(line)
	}
	standby.namespace.Link(t, "lan0").Down()
	classtest.Replicate(t, active.Class, standby.Class) // Nothing is refused.
	standby.namespace.Link(t, "lan0").Up()
	all := func() bool {
		got := standby.held()
		return !slices.ContainsFunc(holding, func(w string) bool { return !strings.Contains(got, w) })
	}
	testbed.Eventually(t, "the routes are installed", all)
	standby.namespace.Link(t, "lan0").Down()
	standby.namespace.Link(t, "lan0").Up()
	testbed.Eventually(t, "the routes are there again", all)
	standby.ip("route del 10.1.0.0/16 table 7780 proto 180")
	testbed.Eventually(t, "a removed route is there again", all)
}

// A former active holds what it had, and its protocol removes its own.
func TestFormerActiveHoldsItsRoutes(t *testing.T) {
	u := newUnit(t, "a")
	u.ip(learned[0])
	classtest.Watch(t, u.Class)
	err := u.Sink.Adopt(t.Context(), func(string, []byte) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	u.ip("route del 10.1.0.0/16 table 7780 proto ospf")
	if err := u.Sink.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	u.wantHeld("after its protocol has ended", holding[0])
}

// A new life of the sidecar finds the held routes of the kernel, and one that ends in order removes them.
func TestHeldRoutesOfAnEarlierLife(t *testing.T) {
	active, standby := newUnit(t, "a"), newUnit(t, "b")
	for _, line := range learned {
		active.ip(line)
	}
	classtest.Replicate(t, active.Class, standby.Class)
	killed := standby.Class
	standby.start(holdTime)
	if got := classtest.Snapshot(t, standby.Class); len(got) != len(learned) {
		t.Errorf("%d routes are found, want %d", len(got), len(learned))
	}
	for key, want := range classtest.Snapshot(t, active.Class) {
		if got := classtest.Snapshot(t, standby.Class)[key]; string(got.Record) != string(want.Record) {
			t.Errorf("%x is found as %x, want %x", key, got.Record, want.Record)
		}
	}
	standby.isClosed = true
	for _, c := range []class.Class{standby.Class, killed} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	standby.wantHeld("after the end")
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
