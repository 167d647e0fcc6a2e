package queue

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/state"
)

func concat(older, newer []byte) ([]byte, error) { return slices.Concat(older, newer), nil }

// twin does what a queue does, in the most obvious way.
type twin struct{ changes []state.Change }

func (n *twin) push(c state.Change) {
	i := slices.IndexFunc(n.changes, func(o state.Change) bool { return o.Key == c.Key })
	if i >= 0 && n.changes[i].Op == state.Delete && c.Op == state.Upsert {
		n.changes = slices.Delete(n.changes, i, i+1)
		i = -1
	}
	switch {
	case i < 0:
		n.changes = append(n.changes, c)
	case c.Op == state.Upsert && n.changes[i].Op == state.Upsert:
		n.changes[i].Record = slices.Concat(n.changes[i].Record, c.Record)
	default:
		n.changes[i] = c
	}
}

func (n *twin) pop(entries, bytes int) []state.Change {
	taken := 0
	for taken < len(n.changes) && taken < entries {
		if bytes -= len(n.changes[taken].Key) + len(n.changes[taken].Record); bytes < 0 && taken > 0 {
			break
		}
		taken++
	}
	popped := slices.Clone(n.changes[:taken])
	n.changes = n.changes[taken:]
	return popped
}

func (n *twin) bytes() (sum int) {
	for _, c := range n.changes {
		sum += len(c.Key) + len(c.Record)
	}
	return sum
}

func TestQueueDoesWhatItsTwinDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := Limits{Entries: rapid.IntRange(1, 8).Draw(t, "entries"), Bytes: rapid.IntRange(1, 40).Draw(t, "bytes")}
		q, naive := New(limits, concat), &twin{}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				c := state.Change{Op: state.Delete, Key: rapid.SampledFrom([]string{"a", "b", "c", "d", "longer"}).Draw(t, "key")}
				if rapid.Bool().Draw(t, "upsert") {
					c.Op, c.Record = state.Upsert, rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "record")
				}
				within, err := q.Push(c)
				if err != nil {
					t.Fatal(err)
				}
				naive.push(c)
				if want := len(naive.changes) <= limits.Entries && naive.bytes() <= limits.Bytes; within != want {
					t.Fatalf("within its limits: %t, want %t", within, want)
				}
			},
			"pop": func(t *rapid.T) {
				entries, bytes := rapid.IntRange(0, 5).Draw(t, "entries"), rapid.IntRange(0, 20).Draw(t, "bytes")
				got, want := q.Pop(entries, bytes), naive.pop(entries, bytes)
				if len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
					t.Fatalf("got %+v, want %+v", got, want)
				}
			},
			"clear": func(*rapid.T) {
				q.Clear()
				naive.changes = nil
			},
			"": func(t *rapid.T) {
				if q.Len() != len(naive.changes) || q.Bytes() != naive.bytes() {
					t.Fatalf("%d changes of %d bytes, want %d of %d", q.Len(), q.Bytes(), len(naive.changes), naive.bytes())
				}
			},
		})
	})
}

func TestMarkIsPassedWhenAllBeforeItIsTaken(t *testing.T) {
	q := New(Limits{Entries: 10, Bytes: 1000}, concat)
	push := func(key string) {
		if _, err := q.Push(state.Change{Op: state.Delete, Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	if !q.Passed(q.Mark()) {
		t.Error("an empty queue has passed every mark")
	}
	push("a")
	push("b")
	mark := q.Mark()
	push("c")
	push("a") // coalesced: it stays before the mark
	for _, want := range []bool{false, false, true, true} {
		if got := q.Passed(mark); got != want {
			t.Errorf("passed: %t with %d left, want %t", got, q.Len(), want)
		}
		q.Pop(1, 100)
	}
}

func TestRecordsThatCannotBeMergedAreToldOf(t *testing.T) {
	why := errors.New("no record")
	q := New(Limits{Entries: 10, Bytes: 1000}, func([]byte, []byte) ([]byte, error) { return nil, why })
	if _, err := q.Push(state.Change{Op: state.Upsert, Key: "a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Push(state.Change{Op: state.Upsert, Key: "a"}); !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
}
