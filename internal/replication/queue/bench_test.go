package queue

import (
	"encoding/binary"
	"testing"

	"github.com/hapair-io/hapair/internal/state"
)

// connections returns changes with keys and records of the size of an IPv4 TCP connection.
func connections(n int) []state.Change {
	changes := make([]state.Change, n)
	for i := range changes {
		key := binary.BigEndian.AppendUint64(make([]byte, 6, 14), uint64(i))
		changes[i] = state.Change{Op: state.Upsert, Key: string(key), Record: make([]byte, 20)}
	}
	return changes
}

// frame is the number of changes in a frame of the sender.
const frame = 512

func newer(_, newer []byte) ([]byte, error) { return newer, nil }

func push(t testing.TB, q *Queue, changes ...state.Change) {
	for _, c := range changes {
		if within, err := q.Push(c); !within || err != nil {
			t.Fatal(within, err)
		}
	}
}

var unlimited = Limits{Entries: 1 << 20, Bytes: 1 << 30}

// BenchmarkPush pushes a change of an entry that has none in the queue. The queue is cleared when 65,536 wait.
func BenchmarkPush(b *testing.B) {
	changes, q := connections(1<<16), New(unlimited, newer)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(changes) == 0 {
			q.Clear()
		}
		push(b, q, changes[i%len(changes)])
	}
}

// BenchmarkPushAgain pushes a change of one of 65,536 entries that wait.
func BenchmarkPushAgain(b *testing.B) {
	changes, q := connections(1<<16), New(unlimited, newer)
	push(b, q, changes...)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		push(b, q, changes[i%len(changes)])
	}
}

// BenchmarkPop pops a frame of 512 changes.
func BenchmarkPop(b *testing.B) {
	changes, q := connections(1<<16), New(unlimited, newer)
	b.ReportAllocs()
	for b.Loop() {
		if q.Len() == 0 {
			b.StopTimer()
			push(b, q, changes...)
			b.StartTimer()
		}
		if got := q.Pop(frame, 1<<20); len(got) != frame {
			b.Fatal(len(got))
		}
	}
}

// BenchmarkPushAndPop pushes and pops changes through a queue that never holds more than a frame.
func BenchmarkPushAndPop(b *testing.B) {
	changes, q := connections(1<<16), New(unlimited, newer)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		push(b, q, changes[i%len(changes)])
		if q.Len() == frame {
			q.Pop(frame, 1<<20)
		}
	}
}
