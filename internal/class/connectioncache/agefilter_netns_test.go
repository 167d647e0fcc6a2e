//go:build netns

package connectioncache

import (
	"context"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// TestConnectionsAreReplicatedFromTheMinimumAge has connections that end before, after, and never.
func TestConnectionsAreReplicatedFromTheMinimumAge(t *testing.T) {
	const age = 400 * time.Millisecond
	u := newUnit(t, "a")
	u.class.source.ages = newAgeFilter(age)
	before := example()
	u.ask(conntrack.Create, before) // nobody knows how old it is
	w := u.watch()

	short, long := example(), example()
	short.Orig.SrcPort, short.Reply.DstPort = 1, 1
	long.Orig.SrcPort, long.Reply.DstPort = 2, 2
	long.Status = conntrack.StatusConfirmed
	began := time.Now()
	u.ask(conntrack.Create, short)
	u.ask(conntrack.Create, long)
	u.ask(conntrack.Delete, short)
	grown := long
	grown.Status |= settable
	u.ask(conntrack.Update, grown)

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request := w.Drain()
	var received []state.Change
	receive := func(until func() bool) {
		for !until() {
			batch, err := w.Receive(ctx)
			if err != nil {
				t.Fatal(err)
			}
			received = append(received, batch.Changes...)
			if batch.Drained >= request {
				request = 0
			}
		}
	}
	receive(func() bool { return request == 0 })
	if len(received) != 0 && time.Since(began) < age {
		t.Fatalf("received %d changes of connections that are too young", len(received))
	}
	if n := u.entries(); n != 1 && time.Since(began) < age {
		t.Errorf("a snapshot has %d connections, want the one that was there before", n)
	}
	receive(func() bool { return len(received) > 0 })
	if took := time.Since(began); took < age {
		t.Errorf("received after %s", took)
	}
	if len(received) != 1 || received[0].Op != state.Upsert || received[0].Key != encodeKey(&long) {
		t.Fatalf("received %+v", received)
	}
	var got conntrack.Flow
	if fresh, err := decodeRecord(&got, received[0].Record); err != nil || !fresh || got.Status&settable != settable {
		t.Errorf("received %+v, fresh %t, %v", got, fresh, err)
	}
	if n := u.entries(); n != 2 {
		t.Errorf("a snapshot has %d connections, want 2", n)
	}

	received = nil
	u.ask(conntrack.Delete, long)
	receive(func() bool { return len(received) > 0 })
	if len(received) != 1 || received[0].Op != state.Delete {
		t.Errorf("received %+v, want its end", received)
	}
}

func TestAgeFilterIsBounded(t *testing.T) {
	n, now := newAgeFilter(time.Second), time.Now()
	f := example()
	for i := range maxYoung + 10 {
		f.Zone = uint16(i)
		f.Orig.SrcPort = uint16(i >> 16)
		if took := n.hold(&f, now); took != (i < maxYoung) {
			t.Fatalf("connection %d was taken: %t", i, took)
		}
	}
	if got := len(n.matured(now.Add(time.Second), 100)); got != 100 {
		t.Errorf("%d have matured, want as many as the limit", got)
	}
	if got := len(n.matured(now.Add(time.Second), maxYoung)); got != maxYoung-100 || !n.isEmpty() {
		t.Errorf("%d more have matured", got)
	}
}

// TestHelpersConnectionsAreReplicatedAtOnce is about control connections: without them, the standby cannot have the
// connections that their helpers expect.
func TestHelpersConnectionsAreReplicatedAtOnce(t *testing.T) {
	u := newUnit(t, "a")
	u.class.source.ages = newAgeFilter(time.Minute)
	w := u.watch()
	plain, control := example(), example()
	plain.Orig.SrcPort, plain.Reply.DstPort = 1, 1
	control.Fields |= conntrack.FieldHelper
	control.Helper = "ftp"
	u.ask(conntrack.Create, plain)
	u.ask(conntrack.Create, control)
	received := classtest.Drain(t, w)
	if len(received) != 1 || received[0].Key != encodeKey(&control) {
		t.Errorf("received %d changes, want the control connection alone", len(received))
	}
	if n := u.entries(); n != 1 {
		t.Errorf("a snapshot has %d connections, want 1", n)
	}
}
