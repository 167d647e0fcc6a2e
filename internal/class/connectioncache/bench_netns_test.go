//go:build netns

package connectioncache

import (
	"context"
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// numbered returns one of many connections.
func numbered(i int) conntrack.Flow {
	f := example()
	f.Orig.SrcPort, f.Orig.Dst = uint16(i), netip.AddrFrom4([4]byte{203, 0, byte(i >> 24), byte(i >> 16)})
	f.Reply = f.Orig.Inverse()
	f.Reply.Dst = netip.MustParseAddr("203.0.113.1")
	f.Status = settable | conntrack.StatusConfirmed
	return f
}

// perBatch is the number of changes in one frame.
const perBatch = 512

func changesOf(first int, op state.Op) []state.Change {
	b := newBatch(perBatch)
	for i := range perBatch {
		f := numbered(first + i)
		if op == state.Delete {
			b.remove(&f)
		} else {
			b.upsert(&f, true)
		}
	}
	return b.changes()
}

// BenchmarkApply measures writing new connections into a kernel. Deleting them afterwards is not measured.
func BenchmarkApply(b *testing.B) {
	u := newUnit(b, "b")
	for n := 0; n < b.N; n += perBatch {
		b.StopTimer()
		created, deleted := changesOf(n, state.Upsert), changesOf(n, state.Delete)
		b.StartTimer()
		applyAll(b, u, created)
		b.StopTimer()
		applyAll(b, u, deleted)
		b.StartTimer()
	}
	b.ReportAllocs()
}

func applyAll(b *testing.B, u *unit, changes []state.Change) {
	b.Helper()
	if outcome, err := u.Sink.Apply(b.Context(), changes); err != nil || outcome.Total() > 0 {
		b.Fatalf("Applying: %v, %+v", err, outcome)
	}
}

// BenchmarkReceive measures receiving the kernel's events of new connections and turning them into changes.
func BenchmarkReceive(b *testing.B) {
	u := newUnit(b, "a")
	w := u.watch()
	for n := 0; n < b.N; n += perBatch {
		b.StopTimer()
		applyAll(b, u, changesOf(n, state.Upsert))
		b.StartTimer()
		receiveAll(b, w)
		b.StopTimer()
		applyAll(b, u, changesOf(n, state.Delete))
		receiveAll(b, w)
		b.StartTimer()
	}
	b.ReportAllocs()
}

func receiveAll(b *testing.B, w class.Watch) {
	b.Helper()
	for got := 0; got < perBatch; {
		batch, err := w.Receive(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		got += len(batch.Changes)
	}
}
