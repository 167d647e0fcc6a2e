//go:build netns

package elements

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// unit is the class in a network namespace of its own.
type unit struct {
	t         testing.TB
	namespace *testbed.Namespace
	kernel    nftables.Kernel
	elements  *Elements
}

const testClass = state.ConnectionCache // Any class of the catalogue.

func newUnit(t testing.TB, name string) *unit {
	t.Helper()
	u := &unit{t: t, namespace: testbed.NewNamespace(t, name)}
	u.kernel = testbed.Open(t, u.namespace, func() (nftables.Kernel, error) {
		k := nftables.Open()
		_, err := k.Generation()
		return k, err
	})
	u.elements = testbed.Open(t, u.namespace, func() (*Elements, error) {
		return New(Config{ID: testClass, Table: "hapair", Prefixes: []string{"dynamic.", "pinholes."}})
	})
	return u
}

// class returns the class. A watch opens a socket, so that it must be started in the namespace.
func (u *unit) class() class.Class {
	c := u.elements.Class()
	c.Source = watchedInside{c.Source, u.namespace}
	return c
}

type watchedInside struct {
	class.Source
	namespace *testbed.Namespace
}

func (w watchedInside) Watch() (watch class.Watch, err error) {
	return watch, w.namespace.Do(func() (err error) { watch, err = w.Source.Watch(); return err })
}

// replace puts a ruleset with dynamic sets in force.
func (u *unit) replace(name string) {
	u.t.Helper()
	address := []ruleset.ElementType{ruleset.IPv4Address}
	socket := []ruleset.ElementType{ruleset.IPv4Address, ruleset.PortNumber}
	if err := u.kernel.Replace(ruleset.Ruleset{
		Table: "hapair", Document: name,
		DynamicSets: []ruleset.DynamicSet{
			{Name: "dynamic.a.ipv4", Key: address},
			{Name: "dynamic.r.ipv4", Key: address, IsFilledByRules: true},
			{Name: "pinholes.g.ipv4", Key: socket, Value: socket},
		},
		Chains: []ruleset.Chain{{Name: "output", Hook: &ruleset.Hook{Point: ruleset.Output}, Rules: []ruleset.Rule{{
			ruleset.RememberAddress{Family: ruleset.IPv4, Set: "dynamic.r.ipv4", Timeout: 40 * time.Second},
		}}}},
	}); err != nil {
		u.t.Fatal(err)
	}
}

func (u *unit) write(changes ...nftables.ElementChange) {
	u.t.Helper()
	refused, err := u.kernel.WriteElements("hapair", changes)
	if err := errors.Join(append(refused, err)...); err != nil {
		u.t.Fatal(err)
	}
}

func (u *unit) list(set string) string {
	u.t.Helper()
	kind := "set"
	if strings.HasPrefix(set, "pinholes") {
		kind = "map"
	}
	return u.namespace.Run(u.t, "nft list "+kind+" inet hapair "+set)
}

// numbered returns an element of a set of addresses or of the map.
func numbered(set string, i int) nftables.ElementChange {
	e := nftables.Element{Key: binary.BigEndian.AppendUint32(nil, uint32(i+1)), Timeout: time.Hour, Remaining: time.Hour}
	if strings.HasPrefix(set, "pinholes") {
		e.Key = append(e.Key, 0, 80, 0, 0)
		e.Value = e.Key
	}
	return nftables.ElementChange{Set: set, Element: e}
}

func TestElementsMeetContract(t *testing.T) {
	for _, set := range []string{"dynamic.a.ipv4", "dynamic.r.ipv4", "pinholes.g.ipv4"} {
		t.Run(set, func(t *testing.T) {
			classtest.Run(t, func(t *testing.T) classtest.Pair {
				active, standby := newUnit(t, "active"), newUnit(t, "standby")
				active.replace("one")
				standby.replace("one")
				remove := func(i int) {
					change := numbered(set, i)
					change.IsDeletion = true
					active.write(change)
				}
				return classtest.Pair{
					Active: active.class(), Standby: standby.class(),
					Put:    func(i int) { active.write(numbered(set, i)) },
					Remove: remove,
					Overrun: func() {
						var many []nftables.ElementChange
						for i := range 512 {
							change := numbered(set, 1000+i)
							many = append(many, change)
							change.IsDeletion = true
							many = append(many, change)
						}
						for range 100 {
							active.write(many...)
						}
					},
				}
			})
		})
	}
}

// replicate makes a snapshot of one unit the state of another one.
func replicate(t *testing.T, from, to *unit) class.Outcome {
	t.Helper()
	var outcome class.Outcome
	err := from.class().Source.Snapshot(t.Context(), func(changes []state.Change) (err error) {
		outcome, err = to.class().Sink.Apply(t.Context(), changes)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

// Elements that rules add cross, although the kernel notifies of none. One that is used again and again is sent when
// its end has moved by an eighth of its timeout.
func TestElementsThatRulesAddCross(t *testing.T) {
	active, standby := newUnit(t, "active"), newUnit(t, "standby")
	active.replace("one")
	standby.replace("one")
	active.namespace.Run(t, "ip link set lo up")
	active.namespace.ListenUDP(t, "127.0.0.7:9") // Without it, the kernel's ICMP error is a packet too.
	watch := classtest.Watch(t, active.class())
	send := func() {
		err := active.namespace.Do(func() error {
			conn, err := net.Dial("udp4", "127.0.0.7:9")
			if err != nil {
				return err
			}
			_, err = conn.Write([]byte("x"))
			return errors.Join(err, conn.Close())
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	send()
	// Without a drain, the poll finds it.
	batch, err := watch.Receive(t.Context())
	if err != nil || len(batch.Changes) != 1 {
		t.Fatalf("the poll returned %+v, %v", batch, err)
	}
	classtest.Apply(t, standby.class(), batch.Changes)
	if listing := standby.list("dynamic.r.ipv4"); !strings.Contains(listing, "127.0.0.7 timeout 40s expires 3") {
		t.Errorf("the standby has %s", listing)
	}
	send()
	if changes := classtest.Drain(t, watch); len(changes) > 0 {
		t.Errorf("an element that hardly moved is sent again: %+v", changes)
	}
	testbed.Pause(t, 6*time.Second)
	send()
	if changes := classtest.Drain(t, watch); len(changes) != 1 {
		t.Errorf("an element that moved by 6 of 40 s is sent as %+v", changes)
	}
}

// An element arrives with the time that is left, and ends on both units at once. Waiting for its set does not make it
// live longer.
func TestElementsArriveWithTheTimeThatIsLeft(t *testing.T) {
	active, standby := newUnit(t, "active"), newUnit(t, "standby")
	active.replace("one")
	active.namespace.Firewall(t, "add element inet hapair dynamic.a.ipv4 "+
		"{ 192.0.2.1 timeout 100s expires 50s, 192.0.2.2 timeout 3s, 192.0.2.3 }; "+
		"add element inet hapair pinholes.g.ipv4 { 192.0.2.1 . 99 timeout 100s expires 50s : 192.0.2.2 . 77 }")
	if outcome := replicate(t, active, standby); outcome.Total() > 0 {
		t.Fatalf("elements without a set are refused: %v", outcome.Err)
	}
	visited := 0
	err := standby.class().Sink.Digest(t.Context(), func(string, []byte) error { visited++; return nil })
	if err != nil || visited != 4 {
		t.Errorf("the standby's digest has %d of 4 elements that wait: %v", visited, err)
	}
	testbed.Pause(t, 2*time.Second)
	standby.replace("one")
	for set, want := range map[string][]string{
		"dynamic.a.ipv4":  {"192.0.2.1 timeout 1m40s expires 47s", "192.0.2.2 timeout 3s expires", "192.0.2.3"},
		"pinholes.g.ipv4": {"192.0.2.1 . 99 timeout 1m40s expires 47s", ": 192.0.2.2 . 77"},
	} {
		for _, element := range want {
			testbed.Eventually(t, fmt.Sprintf("%s in %s of the standby", element, set), func() bool {
				return strings.Contains(standby.list(set), element)
			})
		}
	}
	testbed.Pause(t, time.Second)
	if strings.Contains(standby.list("dynamic.a.ipv4"), "192.0.2.2") {
		t.Error("the standby keeps an element longer than the active")
	}
}

// A new document on the standby leaves its elements alone.
func TestReplacedRulesetOfTheStandbyKeepsElements(t *testing.T) {
	active, standby := newUnit(t, "active"), newUnit(t, "standby")
	active.replace("one")
	standby.replace("one")
	for i := range 1000 {
		active.write(numbered("dynamic.a.ipv4", i))
	}
	replicate(t, active, standby)
	standby.replace("two")
	if got, want := len(classtest.Snapshot(t, standby.class())), 1000; got != want {
		t.Errorf("%d of %d elements are left", got, want)
	}
}

// Another program removes the table, and the firewall makes it again. The elements return at once without any audit, on
// the active and on the standby, each with the time that is left. What the active removes meanwhile does not return.
func TestElementsReturnAfterTheTableIsRemoved(t *testing.T) {
	for _, command := range []string{"delete table inet hapair", "flush ruleset"} {
		t.Run(command, func(t *testing.T) {
			u := newUnit(t, "unit")
			u.replace("one")
			u.namespace.Firewall(t, "add element inet hapair dynamic.a.ipv4 "+
				"{ 192.0.2.1 timeout 100s expires 50s, 192.0.2.2, 192.0.2.3 }; "+
				"add element inet hapair dynamic.r.ipv4 { 192.0.2.4 timeout 100s expires 50s }; "+
				"add element inet hapair pinholes.g.ipv4 { 192.0.2.1 . 99 timeout 100s expires 50s : 192.0.2.2 . 77 }")
			u.namespace.Firewall(t, command)
			removed := numbered("dynamic.a.ipv4", 0).Element
			removed.Key = []byte{192, 0, 2, 3}
			change := u.elements.sets.remove("dynamic.a.ipv4", removed.Key)
			if _, err := u.class().Sink.Apply(t.Context(), []state.Change{change}); err != nil {
				t.Fatal(err)
			}
			u.replace("one")
			const tries, pause = 100, 10 * time.Millisecond // a second
			for set, want := range map[string]string{
				"dynamic.a.ipv4": "192.0.2.1 timeout 1m40s expires 4", "dynamic.r.ipv4": "192.0.2.4 timeout 1m40s expires 4",
				"pinholes.g.ipv4": "192.0.2.1 . 99 timeout 1m40s expires 4",
			} {
				n := 0
				for ; n < tries && !strings.Contains(u.list(set), want); n++ {
					testbed.Pause(t, pause)
				}
				if t.Logf("%s has its elements after %d tries", set, n); n == tries {
					t.Errorf("%q is missing in %s", want, u.list(set))
				}
			}
			if listing := u.list("dynamic.a.ipv4"); strings.Contains(listing, "192.0.2.3") ||
				!strings.Contains(listing, "192.0.2.2") {
				t.Errorf("what was removed meanwhile has returned, or another element has not: %s", listing)
			}
		})
	}
}

// The standby loses the elements of a set when the active loses the set.
func TestElementsOfARemovedSetAreRemoved(t *testing.T) {
	for _, command := range []string{"delete table inet hapair", "delete set inet hapair dynamic.a.ipv4"} {
		active, standby := newUnit(t, "active"), newUnit(t, "standby")
		active.replace("one")
		standby.replace("one")
		active.write(numbered("dynamic.a.ipv4", 1), numbered("dynamic.a.ipv4", 2))
		replicate(t, active, standby)
		watch := classtest.Watch(t, active.class())
		active.namespace.Firewall(t, command)
		if _, err := standby.class().Sink.Apply(t.Context(), classtest.Drain(t, watch)); err != nil {
			t.Error(err)
		}
		if left := classtest.Snapshot(t, standby.class()); len(left) > 0 {
			t.Errorf("after %s, the standby has %d elements", command, len(left))
		}
	}
}

// A full set refuses one element and nothing else, and a set of another class refuses all.
func TestRefusalsHaveReasons(t *testing.T) {
	u := newUnit(t, "standby")
	u.namespace.Firewall(t, "table inet hapair { set dynamic.a.ipv4 { type ipv4_addr; size 2; flags timeout; }; "+
		"set other { type ipv4_addr; size 2; }; }")
	var changes []state.Change
	for _, set := range []string{"dynamic.a.ipv4", "other"} {
		for i := range 3 {
			changes = append(changes, u.elements.sets.upsert(set, numbered(set, i).Element))
		}
	}
	short := numbered("dynamic.a.ipv4", 0).Element
	short.Key = short.Key[:2]
	changes = append(changes, u.elements.sets.upsert("dynamic.a.ipv4", short))
	outcome, err := u.class().Sink.Apply(t.Context(), changes)
	want := [class.Refusals]int{class.Full: 1, class.Excluded: 3, class.Rejected: 1}
	if err != nil || outcome.Refused != want {
		t.Errorf("refused are %v (%v, %v), want %v", outcome.Refused, outcome.Err, err, want)
	}
}
