//go:build netns

package dynamicrouting

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

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
