package queue

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/state"
)

// TestFloodReleasesItsMemory floods a queue with entries of which some do not fit in a slot.
func TestFloodReleasesItsMemory(t *testing.T) {
	for name, empty := range map[string]func(*Queue){
		"popped":  func(q *Queue) { q.Pop(q.Len(), q.Bytes()) },
		"cleared": (*Queue).Clear,
	} {
		t.Run(name, func(t *testing.T) {
			q := New(unlimited, newer)
			changes := connections(100_000)
			for i := range changes {
				if i%10 == 0 {
					changes[i].Key += strings.Repeat("k", inlineBytes)
				}
			}
			for range 2 {
				push(t, q, changes...)
				if q.Len() != len(changes) {
					t.Fatalf("%d changes wait, want %d", q.Len(), len(changes))
				}
				empty(q)
				if left := len(q.slots.chunks); left > reservedChunks || cap(q.slots.chunks) > reservedChunks {
					t.Errorf("%d chunks remain in an empty queue, want %d at most", left, reservedChunks)
				}
				if left := len(q.index.cells); left > reservedCells {
					t.Errorf("%d cells remain in an empty queue, want %d at most", left, reservedCells)
				}
				if len(q.slots.large) != 0 {
					t.Errorf("%d large records remain in an empty queue", len(q.slots.large))
				}
			}
		})
	}
}

func TestSteadyQueueAllocatesNothingPerChange(t *testing.T) {
	q, changes := New(unlimited, newer), connections(frame)
	cycle := func() {
		push(t, q, changes...)
		push(t, q, changes...)
		if got := q.Pop(frame, 1<<20); len(got) != frame {
			t.Fatalf("%d changes popped, want %d", len(got), frame)
		}
	}
	cycle()
	if got := testing.AllocsPerRun(100, cycle); got > 1 {
		t.Errorf("%v allocations for %d changes, want 1: that of the keys", got, frame)
	}
}

func TestMergeMayAppendToTheOlderRecord(t *testing.T) {
	q := New(unlimited, func(older, newer []byte) ([]byte, error) { return append(older, newer...), nil })
	for _, record := range []string{"a", "b", strings.Repeat("c", inlineBytes), "d"} {
		push(t, q, state.Change{Op: state.Upsert, Key: "k", Record: []byte(record)})
	}
	push(t, q, state.Change{Op: state.Upsert, Key: "k2", Record: []byte("other")})
	got := q.Pop(2, 1<<20)
	want := "ab" + strings.Repeat("c", inlineBytes) + "d"
	if string(got[0].Record) != want || string(got[1].Record) != "other" {
		t.Errorf("got %q and %q, want %q and the other as it was", got[0].Record, got[1].Record, want)
	}
}
