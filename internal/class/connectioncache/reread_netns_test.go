//go:build netns

package connectioncache

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// control returns a control connection of FTP whose sequence numbers the kernel adjusts.
func control() conntrack.Flow {
	f := example()
	f.Fields |= conntrack.FieldHelper | conntrack.FieldSeqAdj
	f.Helper, f.Status = "ftp", settable|conntrack.StatusConfirmed
	f.SeqAdjOrig = conntrack.SeqAdj{CorrectionPos: 1000, OffsetBefore: -2, OffsetAfter: -4}
	return f
}

// announce makes the kernel expect a connection, as the helper of a control connection does, and then no longer.
func announce(u *unit, control conntrack.Flow) (end func()) {
	u.t.Helper()
	table := testbed.Open(u.t, u.namespace, conntrack.OpenExpectations)
	e := conntrack.Expectation{
		Master: control.Orig,
		Tuple: conntrack.Tuple{
			Protocol: conntrack.ProtocolTCP, Src: control.Orig.Dst, Dst: control.Reply.Dst, DstPort: 40001,
		},
		Mask: conntrack.ExpectationMask{Src: netip.MustParseAddr("255.255.255.255")},
	}
	if err := table.Create(&e); err != nil {
		u.t.Fatalf("creating an expectation: %v", err)
	}
	return func() {
		u.t.Helper()
		if err := table.Delete(&e); err != nil {
			u.t.Fatalf("deleting an expectation: %v", err)
		}
	}
}

// receiveOne returns the next changes of a watch. It asks for no drain.
func receiveOne(t *testing.T, w class.Watch) class.Batch {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	batch, err := w.Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// TestExpectationsCauseSequenceAdjustmentsToBeSent is about adjustments that the kernel does not report. An event of
// the connection would have none of them.
func TestExpectationsCauseSequenceAdjustmentsToBeSent(t *testing.T) {
	u := newUnit(t, "a")
	f := control()
	u.ask(conntrack.Create, f)
	w := u.watch()
	wantSent := func(when string) {
		t.Helper()
		batch := receiveOne(t, w)
		var got conntrack.Flow
		if len(batch.Changes) != 1 || batch.Deferrable || batch.Changes[0].Key != encodeKey(&f) {
			t.Fatalf("%s: received %+v", when, batch)
		}
		if _, err := decodeRecord(&got, batch.Changes[0].Record); err != nil || got.SeqAdjOrig != f.SeqAdjOrig {
			t.Errorf("%s: adjustments %+v, want %+v, %v", when, got.SeqAdjOrig, f.SeqAdjOrig, err)
		}
	}
	end := announce(u, f)
	wantSent("announced")
	wantSent("settled")
	end()
	wantSent("ended")
	wantSent("settled after the end")
	if got := operations(t, w); got != "" {
		t.Errorf("further changes %q", got)
	}
	end = announce(u, f)
	if got := operations(t, w); got != "U" {
		t.Errorf("a drain returned %q, want what was announced before", got)
	}
	end()
}

// TestAdjustmentsByRequestAreSent is about those that a gateway of the firewall sets. The kernel reports them.
func TestAdjustmentsByRequestAreSent(t *testing.T) {
	u := newUnit(t, "a")
	f := control()
	u.ask(conntrack.Create, f)
	w := u.watch()
	f.Fields = conntrack.FieldSeqAdj
	f.SeqAdjReply = conntrack.SeqAdj{CorrectionPos: 900, OffsetAfter: 3}
	u.ask(conntrack.Update, f)
	batch := receiveOne(t, w)
	var got conntrack.Flow
	if len(batch.Changes) != 1 || batch.Changes[0].Key != encodeKey(&f) {
		t.Fatalf("received %+v", batch)
	}
	if _, err := decodeRecord(&got, batch.Changes[0].Record); err != nil || got.SeqAdjReply != f.SeqAdjReply {
		t.Errorf("adjustments %+v, want %+v, %v", got.SeqAdjReply, f.SeqAdjReply, err)
	}
}

// TestExpectationsOfOthersCauseNothing is about control connections whose sequence numbers are not adjusted, and about
// those that are not replicated.
func TestExpectationsOfOthersCauseNothing(t *testing.T) {
	u := newUnit(t, "a")
	u.namespace.Link(t, "lo").Address("192.0.2.1/32")
	plain, own := control(), control()
	plain.Fields &^= conntrack.FieldSeqAdj
	own.Orig.Src = netip.MustParseAddr("192.0.2.1")
	own.Reply = own.Orig.Inverse()
	for _, f := range []conntrack.Flow{plain, own} {
		u.ask(conntrack.Create, f)
	}
	w := u.watch()
	for _, f := range []conntrack.Flow{plain, own} {
		announce(u, f)()
		if got := operations(t, w); got != "" {
			t.Errorf("changes %q of %v", got, f.Orig)
		}
	}
}

// TestStandbyHasTheAdjustmentsOfTheActive writes them into entries that have others, or those of an earlier connection.
func TestStandbyHasTheAdjustmentsOfTheActive(t *testing.T) {
	u := newUnit(t, "b")
	f := control()
	want := func(what string) {
		t.Helper()
		if got := u.ask(conntrack.Get, f); got.SeqAdjOrig != f.SeqAdjOrig || got.SeqAdjReply != f.SeqAdjReply {
			t.Errorf("%s: %+v and %+v", what, got.SeqAdjOrig, got.SeqAdjReply)
		}
	}
	u.wantApplied(state.Upsert, f)
	want("a new entry")
	f.SeqAdjOrig = conntrack.SeqAdj{CorrectionPos: 2000, OffsetBefore: -4, OffsetAfter: -6}
	f.SeqAdjReply = conntrack.SeqAdj{CorrectionPos: 500, OffsetAfter: 3}
	b := newBatch(1)
	b.upsert(&f, false)
	if outcome := u.write(b); outcome.Total() != 0 {
		t.Fatalf("%v refused: %v", outcome.Refused, outcome.Err)
	}
	want("a change")
	f.Fields &^= conntrack.FieldSeqAdj
	f.SeqAdjOrig, f.SeqAdjReply = conntrack.SeqAdj{}, conntrack.SeqAdj{}
	u.wantApplied(state.Upsert, f)
	want("a new connection without them")
}
