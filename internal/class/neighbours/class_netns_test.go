//go:build netns

package neighbours

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
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
}

func newUnit(t *testing.T, factory class.Factory, name string) *unit {
	t.Helper()
	u := &unit{t: t, namespace: testbed.NewNamespace(t, name)}
	testbed.Wire(t, u.namespace, "lan0", u.namespace, "far")
	u.link = u.namespace.Link(t, "lan0").Address("192.0.2.1/16").Address("2001:db8::1/64").Index()
	u.kernel = testbed.Open(t, u.namespace, rtnetlink.Dial)
	u.start(factory)
	return u
}

// start opens the class in the namespace.
func (u *unit) start(factory class.Factory) {
	u.t.Helper()
	err := u.namespace.Do(func() (err error) {
		u.Class, err = factory.New(class.Options{Interfaces: []string{"lan0"}})
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	opened := u.Class
	u.t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			u.t.Error(err)
		}
	})
}

// put adds or replaces an entry of the kernel.
func (u *unit) put(address string, host byte, s rtnetlink.NeighbourState) {
	u.t.Helper()
	n := rtnetlink.Neighbour{
		Interface: u.link, Address: netip.MustParseAddr(address), MAC: rtnetlink.MAC{2, 0xca, 0, 0, 0, host}, State: s,
	}
	if err := u.kernel.SetNeighbour(n); err != nil {
		u.t.Fatal(err)
	}
}

func (u *unit) remove(address string) {
	u.t.Helper()
	n := rtnetlink.Neighbour{Interface: u.link, Address: netip.MustParseAddr(address)}
	if err := u.kernel.RemoveNeighbour(n); err != nil {
		u.t.Fatal(err)
	}
}

// want checks the kernel's entry of an address. Without a MAC there must be no entry.
func (u *unit) want(address, mac, state string) {
	u.t.Helper()
	got := u.namespace.Run(u.t, "ip neigh show nud all dev lan0 to "+address)
	if mac == "" {
		if strings.Contains(got, "lladdr") {
			u.t.Errorf("%s: unexpected entry %q", u.namespace.Name, got)
		}
		return
	}
	if !strings.Contains(got, mac) || !strings.Contains(got, state) {
		u.t.Errorf("%s: the entry of %s is %q, want %s %s", u.namespace.Name, address, got, mac, state)
	}
}

func TestContract(t *testing.T) {
	for name, c := range map[string]struct {
		factory func() class.Factory
		state   rtnetlink.NeighbourState
	}{
		"ARP":        {Static, rtnetlink.Permanent},
		"DynamicARP": {Dynamic, rtnetlink.Stale},
	} {
		t.Run(name, func(t *testing.T) {
			classtest.Run(t, func(t *testing.T) classtest.Pair {
				active, standby := newUnit(t, c.factory(), "a"), newUnit(t, c.factory(), "b")
				version := byte(0)
				address := func(i int) string {
					return [...]string{fmt.Sprintf("192.0.3.%d", i), fmt.Sprintf("2001:db8::%x", 0x100+i)}[i%2]
				}
				return classtest.Pair{
					Active: active.Class, Standby: standby.Class,
					Put:    func(i int) { version++; active.put(address(i), version, c.state) },
					Remove: func(i int) { active.remove(address(i)) },
					Overrun: func() {
						table := active.Source.(source).table
						table.mu.Lock()
						defer table.mu.Unlock()
						for i := range 40_000 {
							active.put(address(0), byte(i), c.state)
						}
						active.remove(address(0))
					},
				}
			})
		})
	}
}

// A new active has the entries although the kernel flushed them when the interface got its virtual MAC.
func TestEntriesSurviveTheVirtualMAC(t *testing.T) {
	for name, c := range map[string]struct {
		factory           func() class.Factory
		state             rtnetlink.NeighbourState
		written, replaced string
		restored          int
	}{
		"ARP":        {Static, rtnetlink.Permanent, "PERMANENT", "02:ca:00:00:00:01", 3},
		"DynamicARP": {Dynamic, rtnetlink.Reachable, "STALE", "02:ca:00:00:00:02", 2},
	} {
		t.Run(name, func(t *testing.T) {
			active, standby := newUnit(t, c.factory(), "a"), newUnit(t, c.factory(), "b")
			for _, address := range []string{"192.0.2.7", "2001:db8::7", "192.0.2.8"} {
				active.put(address, 1, c.state)
			}
			classtest.Replicate(t, active.Class, standby.Class)
			standby.want("192.0.2.7", "02:ca:00:00:00:01", c.written)

			// The class must not restore entries before this looks, or it would prove nothing.
			table := standby.Source.(source).table
			table.mu.Lock()
			standby.namespace.Run(t, "ip link set lan0 address 02:00:5e:10:00:01")
			standby.want("192.0.2.7", "", "")
			standby.put("192.0.2.8", 2, rtnetlink.Reachable) // the kernel has learned another one meanwhile
			table.mu.Unlock()
			testbed.Eventually(t, "the entries are there again", func() bool {
				all := standby.namespace.Run(t, "ip neigh show nud all dev lan0")
				return strings.Count(all, "02:ca:00:00:00:01") == c.restored
			})
			standby.want("192.0.2.7", "02:ca:00:00:00:01", c.written)
			standby.want("2001:db8::7", "02:ca:00:00:00:01", c.written)
			standby.want("192.0.2.8", c.replaced, "")
		})
	}
}

// The kernel of the standby had no room for a learned entry, and asks for the neighbour when it becomes active. The
// class completes what the kernel asks for, or what has not answered.
func TestNewActiveDoesNotWaitForANeighbourThatTheClassKnows(t *testing.T) {
	active, standby := newUnit(t, Dynamic(), "a"), newUnit(t, Dynamic(), "b")
	addresses := []string{"192.0.2.7", "2001:db8::7"}
	for _, address := range addresses {
		active.put(address, 1, rtnetlink.Reachable)
	}
	classtest.Replicate(t, active.Class, standby.Class)
	// The class must not restore entries before the kernel asks, or it would prove nothing.
	table := standby.Source.(source).table
	table.mu.Lock()
	for _, address := range addresses {
		standby.remove(address)
		standby.ask(address)
	}
	table.mu.Unlock()
	if err := standby.Sink.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		standby.want(address, "02:ca:00:00:00:01", "")
	}
}

// ask makes the kernel ask for a neighbour that does not answer.
func (u *unit) ask(address string) {
	u.t.Helper()
	conn := u.namespace.DialUDP(u.t, "", net.JoinHostPort(address, "9"))
	if _, err := conn.Write([]byte("x")); err != nil {
		u.t.Fatal(err)
	}
	entry := u.namespace.Run(u.t, "ip neigh show nud all dev lan0 to "+address)
	if !strings.Contains(entry, "INCOMPLETE") {
		u.t.Fatalf("the entry of %s is %q", address, entry)
	}
}

// A flush of an interface deletes nothing on the standby, and the active gets its entries back. What somebody removes
// is deleted.
func TestFlushIsNoDeletion(t *testing.T) {
	for name, c := range map[string]struct {
		factory func() class.Factory
		state   rtnetlink.NeighbourState
		flush   []string
	}{
		"ARP, another MAC":        {Static, rtnetlink.Permanent, []string{"link set lan0 address 02:00:5e:10:00:01"}},
		"ARP, set down":           {Static, rtnetlink.Permanent, []string{"link set lan0 down", "link set lan0 up"}},
		"NOARP, set down":         {Static, rtnetlink.NoARP, []string{"link set lan0 down", "link set lan0 up"}},
		"DynamicARP, another MAC": {Dynamic, rtnetlink.Stale, []string{"link set lan0 address 02:00:5e:10:00:01"}},
		// A unit without addresses of its own withdraws the virtual one when it gives the role away.
		"DynamicARP, no address left": {Dynamic, rtnetlink.Stale, []string{"address delete 192.0.2.1/16 dev lan0"}},
	} {
		t.Run(name, func(t *testing.T) {
			active := newUnit(t, c.factory(), "a")
			active.put("192.0.2.7", 1, c.state)
			w := classtest.Watch(t, active.Class)
			for _, change := range c.flush {
				active.namespace.Run(t, "ip "+change)
			}
			if changes := classtest.Drain(t, w); len(changes) != 0 {
				t.Errorf("a flush sent %+v", changes)
			}
			// The kernel flushes NOARP entries once more when it notices the carrier.
			testbed.Eventually(t, "the entry is there again", func() bool {
				return strings.Contains(active.namespace.Run(t, "ip neigh show nud all dev lan0 to 192.0.2.7"), "02:ca:00:00:00:01")
			})
			active.remove("192.0.2.7")
			if changes := classtest.Drain(t, w); len(changes) != 1 || changes[0].Op != state.Delete {
				t.Errorf("a removal sent %+v", changes)
			}
		})
	}
}

// A lost carrier takes the learned entries of the active away, but not those of the standby: a failover follows.
func TestLostCarrierDeletesNothing(t *testing.T) {
	active := newUnit(t, Dynamic(), "a")
	active.put("192.0.2.7", 1, rtnetlink.Reachable)
	before := len(classtest.Snapshot(t, active.Class))
	active.namespace.Link(t, "far").Down()
	testbed.Eventually(t, "the kernel flushes the interface", func() bool {
		return !strings.Contains(active.namespace.Run(t, "ip neigh show nud all dev lan0 to 192.0.2.7"), "REACHABLE")
	})
	if after := len(classtest.Snapshot(t, active.Class)); before != 1 || after != 1 {
		t.Errorf("%d entries before, %d after", before, after)
	}
}

// A new life of the sidecar finds the entries of the kernel.
func TestEntriesAreFoundAtStart(t *testing.T) {
	u := newUnit(t, Static(), "a")
	u.put("192.0.2.7", 1, rtnetlink.Permanent)
	u.start(Static())
	if got := len(classtest.Snapshot(t, u.Class)); got != 1 {
		t.Errorf("%d entries, want 1", got)
	}
}

// A changed state of a learned entry sends nothing; a changed MAC address does.
func TestOnlyChangedAddressesAreSent(t *testing.T) {
	u := newUnit(t, Dynamic(), "a")
	u.put("192.0.2.7", 1, rtnetlink.Stale)
	w := classtest.Watch(t, u.Class)
	for _, s := range []rtnetlink.NeighbourState{rtnetlink.Reachable, rtnetlink.Delay, rtnetlink.Stale} {
		u.put("192.0.2.7", 1, s)
	}
	u.put("192.0.2.7", 2, rtnetlink.Stale)
	if changes := classtest.Drain(t, w); len(changes) != 1 {
		t.Errorf("%d changes, want 1", len(changes))
	}
}

// The class takes no more entries than its bound, and says that its table is full.
func TestBound(t *testing.T) {
	u := newUnit(t, Static(), "b")
	changes := make([]state.Change, 0, maxFixed+1)
	for i := range cap(changes) {
		k := key{device: "lan0", address: netip.AddrFrom4([4]byte{192, 0, byte(16 + i>>8), byte(i)})}
		v := value{mac: rtnetlink.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}}
		changes = append(changes, state.Change{Class: state.ARP, Op: state.Upsert, Key: k.encode(), Record: v.encode()})
	}
	outcome, err := u.Sink.Apply(t.Context(), changes)
	if err != nil || outcome.Refused != [class.Refusals]int{class.Full: 1} {
		t.Errorf("%v refused: %v, %v", outcome.Refused, outcome.Err, err)
	}
}

// By default only class ARP is replicated. What the active learned then stays on the active: it is neither in what is
// sent, nor on the standby.
func TestLearnedEntriesAreNotReplicatedByDefault(t *testing.T) {
	if row, _ := state.Classes().Row(state.DynamicARP); row.Default != state.NotReplicated {
		t.Errorf("class DynamicARP is %s", row.Default)
	}
	active, standby := newUnit(t, Static(), "a"), newUnit(t, Static(), "b")
	w := classtest.Watch(t, active.Class)
	active.put("192.0.2.7", 1, rtnetlink.Reachable)
	active.put("192.0.2.8", 2, rtnetlink.Permanent)
	active.want("192.0.2.7", "02:ca:00:00:00:01", "REACHABLE")
	changes := classtest.Drain(t, w)
	classtest.Apply(t, standby.Class, changes)
	classtest.Replicate(t, active.Class, standby.Class)
	learned := string([]byte{2, 0xca, 0, 0, 0, 1})
	for _, change := range changes {
		if strings.Contains(string(change.Record), learned) {
			t.Errorf("the learned entry was sent: %+v", change)
		}
	}
	standby.want("192.0.2.7", "", "")
	standby.want("192.0.2.8", "02:ca:00:00:00:02", "PERMANENT")
}
