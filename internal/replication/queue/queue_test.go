package queue

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/state"
)

func concat(older, newer []byte) ([]byte, error) { return slices.Concat(older, newer), nil }

// twin is a naive implementation of a queue.
type twin struct {
	waiting []arrival
	last    int
}

// arrival is a change with the number of its entry's first change.
type arrival struct {
	state.Change
	number int
}

func (n *twin) push(c state.Change) {
	i := slices.IndexFunc(n.waiting, func(o arrival) bool { return o.Key == c.Key })
	if i >= 0 && n.waiting[i].Op == state.Delete && c.Op == state.Upsert {
		n.waiting = slices.Delete(n.waiting, i, i+1)
		i = -1
	}
	switch {
	case i < 0:
		n.last++
		n.waiting = append(n.waiting, arrival{c, n.last})
	case c.Op == state.Upsert && n.waiting[i].Op == state.Upsert:
		n.waiting[i].Record = slices.Concat(n.waiting[i].Record, c.Record)
	default:
		n.waiting[i].Change = c
	}
}

func (n *twin) pop(entries, bytes int) []state.Change {
	var popped []state.Change
	for len(n.waiting) > 0 && len(popped) < entries {
		c := n.waiting[0].Change
		if bytes -= len(c.Key) + len(c.Record); bytes < 0 && len(popped) > 0 {
			break
		}
		popped = append(popped, c)
		n.waiting = n.waiting[1:]
	}
	return popped
}

func (n *twin) passed(mark int) bool { return len(n.waiting) == 0 || n.waiting[0].number > mark }

func (n *twin) bytes() (sum int) {
	for _, c := range n.waiting {
		sum += len(c.Key) + len(c.Record)
	}
	return sum
}

// anyChange draws a change of one of a few entries, or of one of many. Some do not fit in a slot.
func anyChange() *rapid.Generator[state.Change] {
	key := rapid.OneOf(
		rapid.SampledFrom([]string{
			"a", "b", "c", "d", "longer", strings.Repeat("k", inlineBytes), strings.Repeat("l", inlineBytes+1),
		}),
		rapid.Map(rapid.IntRange(0, 2000), func(i int) string { return fmt.Sprint("one of many ", i) }),
	)
	return rapid.Custom(func(t *rapid.T) state.Change {
		c := state.Change{Class: state.ConnectionCache, Op: state.Delete, Key: key.Draw(t, "key")}
		if rapid.Bool().Draw(t, "upsert") {
			c.Op, c.Record = state.Upsert, rapid.SliceOfN(rapid.Byte(), 1, inlineBytes).Draw(t, "record")
		}
		return c
	})
}

func TestQueueEqualsItsTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := Limits{
			Entries: rapid.IntRange(1, 800).Draw(t, "entries"), Bytes: rapid.IntRange(1, 40_000).Draw(t, "bytes"),
		}
		q, naive := New(limits, concat), &twin{}
		var mark Mark
		var naiveMark int
		var popped, wanted []state.Change
		push := func(t *rapid.T) {
			c := anyChange().Draw(t, "change")
			naive.push(c)
			mine := slices.Clone(c.Record)
			within, err := q.Push(state.Change{Class: c.Class, Op: c.Op, Key: c.Key, Record: mine})
			clear(mine) // the queue has copied it
			if err != nil {
				t.Fatal(err)
			}
			if want := len(naive.waiting) <= limits.Entries && naive.bytes() <= limits.Bytes; within != want {
				t.Fatalf("within its limits: %t, want %t", within, want)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": push,
			"push many": func(t *rapid.T) {
				for range rapid.IntRange(10, 200).Draw(t, "changes") {
					push(t)
				}
			},
			"pop": func(t *rapid.T) {
				entries, bytes := rapid.IntRange(0, 300).Draw(t, "entries"), rapid.IntRange(0, 20_000).Draw(t, "bytes")
				popped, wanted = q.Pop(entries, bytes), naive.pop(entries, bytes)
			},
			"mark": func(*rapid.T) {
				mark, naiveMark = q.Mark(), naive.last
			},
			"clear": func(*rapid.T) {
				q.Clear()
				naive.waiting = nil
			},
			"": func(t *rapid.T) {
				if q.Len() != len(naive.waiting) || q.Bytes() != naive.bytes() {
					t.Fatalf("%d changes of %d bytes, want %d of %d", q.Len(), q.Bytes(), len(naive.waiting), naive.bytes())
				}
				if got, want := q.Passed(mark), naive.passed(naiveMark); got != want {
					t.Fatalf("mark passed: %t, want %t", got, want)
				}
				if len(popped) != len(wanted) || len(popped) > 0 && !reflect.DeepEqual(popped, wanted) {
					t.Fatalf("the last result of Pop is %+v, want %+v", popped, wanted)
				}
			},
		})
	})
}

func TestPassed(t *testing.T) {
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

func TestPushReturnsTheErrorOfMerge(t *testing.T) {
	why := errors.New("no record")
	q := New(Limits{Entries: 10, Bytes: 1000}, func([]byte, []byte) ([]byte, error) { return nil, why })
	if _, err := q.Push(state.Change{Op: state.Upsert, Key: "a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Push(state.Change{Op: state.Upsert, Key: "a"}); !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
}
