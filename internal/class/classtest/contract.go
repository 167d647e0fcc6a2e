package classtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// Pair is a class on two separate units. Each test gets a new one.
type Pair struct {
	Active, Standby class.Class
	// Put adds entry i on the active, or changes it if it exists.
	Put func(i int)
	// Remove removes entry i from the active.
	Remove func(i int)
	// Overrun makes the active's watches lose changes. It is nil for a class that never loses any.
	Overrun func()
	// Coalesces is set for a class whose watch returns only the last of several changes of one entry that wait.
	Coalesces bool
}

// patience bounds every wait of the tests.
const patience = 30 * time.Second

// Run checks that the pairs which fresh returns meet the contract.
func Run(t *testing.T, fresh func(*testing.T) Pair) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, Pair){
		"a watch returns every change in order":        checkWatchOrder,
		"a drained watch has returned all changes":     checkDrain,
		"a drain wakes a waiting watch":                checkDrainWakes,
		"waiting ends with the context":                checkContextEndsWait,
		"an overrun is reported and survived":          checkOverrun,
		"a snapshot has every entry":                   checkSnapshot,
		"a snapshot returns the error of emit":         checkSnapshotError,
		"apply is idempotent":                          checkApplyIdempotent,
		"delete is idempotent":                         checkDeleteIdempotent,
		"prune removes other entries":                  checkPrune,
		"digests of equal units are equal":             checkDigestsEqual,
		"a digest returns the error of visit":          checkDigestError,
		"adopt keeps every entry":                      checkAdopt,
		"a digest changes nothing":                     checkDigestChangesNothing,
		"a refused change does not stop the others":    checkRefusal,
		"a changed entry is overwritten":               checkOverwrite,
		"a deleted entry can be added again":           checkAddAfterDelete,
		"a merged record equals both records in order": checkMerge,
		"refresh and commit keep every entry":          checkRefreshAndCommit,
	} {
		t.Run(name, func(t *testing.T) { check(t, fresh(t)) })
	}
}

const entries = 25

func putAll(p Pair) {
	for i := range entries {
		p.Put(i)
	}
}

// Snapshot returns all entries of a class, by key.
func Snapshot(t testing.TB, c class.Class) map[string]state.Change {
	t.Helper()
	all := map[string]state.Change{}
	err := c.Source.Snapshot(t.Context(), func(changes []state.Change) error {
		for _, change := range changes {
			if change.Op != state.Upsert || change.Class != c.ID || change.Key == "" {
				return fmt.Errorf("a snapshot holds %+v", change)
			}
			all[change.Key] = change
		}
		return nil
	})
	if err != nil {
		t.Fatalf("Taking a snapshot: %v", err)
	}
	return all
}

func snapshot(t testing.TB, c class.Class) []state.Change {
	t.Helper()
	return slices.Collect(maps.Values(Snapshot(t, c)))
}

// Replicate writes all entries of one unit on another one.
func Replicate(t testing.TB, from, to class.Class) {
	t.Helper()
	Apply(t, to, snapshot(t, from))
}

// Apply writes changes, and fails the test if one is refused. It passes copies to the sink and overwrites them
// afterwards, as their owner may.
func Apply(t testing.TB, c class.Class, changes []state.Change) {
	t.Helper()
	lent := slices.Clone(changes)
	for i := range lent {
		lent[i].Record = slices.Clone(lent[i].Record)
	}
	outcome, err := c.Sink.Apply(t.Context(), lent)
	for _, change := range lent {
		clear(change.Record)
	}
	clear(lent)
	if err != nil {
		t.Fatalf("Applying: %v", err)
	}
	if outcome.Total() != 0 {
		t.Fatalf("%d of %d changes refused: %v", outcome.Total(), len(changes), outcome.Err)
	}
}

// wantKeys checks that a class has exactly the entries with these keys.
func wantKeys(t *testing.T, c class.Class, want []state.Change) {
	t.Helper()
	got := Snapshot(t, c)
	for _, change := range want {
		if _, ok := got[change.Key]; !ok {
			t.Errorf("entry %q is missing", change.Key)
		}
		delete(got, change.Key)
	}
	for key := range got {
		t.Errorf("entry %q is unexpected", key)
	}
}

// Watch begins a watch that ends with the test.
func Watch(t testing.TB, c class.Class) class.Watch {
	t.Helper()
	w, err := c.Source.Watch()
	if err != nil {
		t.Fatalf("Watching: %v", err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("Closing the watch: %v", err)
		}
	})
	return w
}

// Drain returns all changes that happened before the call, except for those that the watch has returned before.
func Drain(t testing.TB, w class.Watch) []state.Change {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request := w.Drain()
	var all []state.Change
	for {
		batch, err := w.Receive(ctx)
		if err != nil {
			t.Fatalf("Receiving: %v", err)
		}
		if all = append(all, batch.Changes...); batch.Drained >= request {
			return all
		}
	}
}

func checkWatchOrder(t *testing.T, p Pair) {
	w := Watch(t, p.Active)
	p.Put(1)
	p.Put(2)
	p.Remove(1)
	changes := Drain(t, w)
	var ops []state.Op
	for _, c := range changes {
		ops = append(ops, c.Op)
	}
	if p.Coalesces {
		if !slices.Equal(ops, []state.Op{state.Upsert, state.Delete}) || changes[0].Key == changes[1].Key {
			t.Errorf("got %+v, want the second upsert and the deletion of the first", changes)
		}
		return
	}
	if !slices.Equal(ops, []state.Op{state.Upsert, state.Upsert, state.Delete}) || changes[0].Key != changes[2].Key {
		t.Errorf("got %+v, want two upserts and the deletion of the first", changes)
	}
}

func checkDrain(t *testing.T, p Pair) {
	w := Watch(t, p.Active)
	for range 3 {
		putAll(p)
		if got := Drain(t, w); len(got) < entries {
			t.Errorf("%d changes before drained, want %d or more", len(got), entries)
		}
	}
	if got := Drain(t, w); len(got) != 0 {
		t.Errorf("%d changes although nothing happened", len(got))
	}
}

func checkDrainWakes(t *testing.T, p Pair) {
	w := Watch(t, p.Active)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for want := range uint64(50) {
		go w.Drain()
		for {
			batch, err := w.Receive(ctx)
			if err != nil {
				t.Fatalf("Receiving: %v", err)
			}
			if batch.Drained > want {
				break
			}
		}
	}
}

func checkContextEndsWait(t *testing.T, p Pair) {
	w := Watch(t, p.Active)
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	if _, err := w.Receive(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's end", err)
	}
}

func checkOverrun(t *testing.T, p Pair) {
	if p.Overrun == nil {
		checkNoLoss(t, p)
		return
	}
	w := Watch(t, p.Active)
	p.Overrun()
	request := w.Drain()
	overruns := 0
	for {
		batch, err := w.Receive(t.Context())
		switch {
		case errors.Is(err, class.ErrOverrun):
			overruns++
		case err != nil:
			t.Fatalf("Receiving: %v", err)
		}
		if batch.Drained >= request {
			break
		}
	}
	if overruns == 0 {
		t.Error("the overrun was not reported")
	}
	p.Put(1)
	if got := Drain(t, w); len(got) != 1 {
		t.Errorf("%d changes after the overrun, want 1", len(got))
	}
}

// checkNoLoss checks a class without overruns: it returns each change, however many wait.
func checkNoLoss(t *testing.T, p Pair) {
	t.Helper()
	const rounds = 400
	w := Watch(t, p.Active)
	for range rounds {
		putAll(p)
	}
	changes := Drain(t, w)
	want := rounds * entries
	if p.Coalesces {
		want = entries
	}
	if len(changes) != want {
		t.Errorf("%d of %d changes were returned", len(changes), want)
	}
	Apply(t, p.Standby, changes)
	wantKeys(t, p.Standby, snapshot(t, p.Active))
}

func checkSnapshot(t *testing.T, p Pair) {
	putAll(p)
	if got := len(Snapshot(t, p.Active)); got != entries {
		t.Errorf("%d entries, want %d", got, entries)
	}
}

func checkSnapshotError(t *testing.T, p Pair) {
	putAll(p)
	why := errors.New("no more")
	if err := p.Active.Source.Snapshot(t.Context(), func([]state.Change) error { return why }); !errors.Is(err, why) {
		t.Errorf("got %v, want the error of emit", err)
	}
}

func checkApplyIdempotent(t *testing.T, p Pair) {
	putAll(p)
	changes := snapshot(t, p.Active)
	Apply(t, p.Standby, changes)
	Apply(t, p.Standby, changes)
	wantKeys(t, p.Standby, changes)
}

func checkDeleteIdempotent(t *testing.T, p Pair) {
	p.Put(1)
	changes := snapshot(t, p.Active)
	Apply(t, p.Standby, changes)
	gone := []state.Change{{Class: p.Active.ID, Op: state.Delete, Key: changes[0].Key}}
	Apply(t, p.Standby, gone)
	Apply(t, p.Standby, gone)
	wantKeys(t, p.Standby, nil)
}

func checkPrune(t *testing.T, p Pair) {
	putAll(p)
	Replicate(t, p.Active, p.Standby)
	p.Remove(3)
	p.Remove(4)
	want := Snapshot(t, p.Active)
	for range 2 {
		err := p.Standby.Sink.Prune(t.Context(), func(key string) bool { _, ok := want[key]; return ok })
		if err != nil {
			t.Fatalf("Pruning: %v", err)
		}
		wantKeys(t, p.Standby, slices.Collect(maps.Values(want)))
	}
}

// Digest returns the entries that a method of a source or a sink visits: their comparable fields by key.
func Digest(t testing.TB, of func(context.Context, func(string, []byte) error) error) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := of(t.Context(), func(key string, fields []byte) error {
		all[strings.Clone(key)] = string(fields)
		return nil
	})
	if err != nil {
		t.Fatalf("Digesting: %v", err)
	}
	return all
}

func checkDigestsEqual(t *testing.T, p Pair) {
	putAll(p)
	Replicate(t, p.Active, p.Standby)
	active, standby := Digest(t, p.Active.Source.Digest), Digest(t, p.Standby.Sink.Digest)
	if len(active) != entries || !maps.Equal(active, standby) {
		t.Errorf("the digest of the active with %d entries\n%q\nof the standby\n%q", entries, active, standby)
	}
	for key := range Snapshot(t, p.Active) {
		if _, ok := active[key]; !ok {
			t.Errorf("entry %q is not in the digest", key)
		}
	}
	p.Remove(1)
	if active := Digest(t, p.Active.Source.Digest); maps.Equal(active, standby) {
		t.Error("the digests are equal although one unit has an entry less")
	}
	if other := Digest(t, p.Active.Sink.Digest); len(other) != entries-1 {
		t.Errorf("the active's sink visits %d entries, want %d", len(other), entries-1)
	}
}

func checkDigestError(t *testing.T, p Pair) {
	putAll(p)
	why := errors.New("no more")
	for _, of := range []func(context.Context, func(string, []byte) error) error{
		p.Active.Source.Digest, p.Active.Sink.Digest, p.Active.Sink.Adopt,
	} {
		if err := of(t.Context(), func(string, []byte) error { return why }); !errors.Is(err, why) {
			t.Errorf("got %v, want the error of visit", err)
		}
	}
}

func checkDigestChangesNothing(t *testing.T, p Pair) {
	putAll(p)
	w := Watch(t, p.Active)
	Drain(t, w) // A watch may begin with what there is.
	Digest(t, p.Active.Source.Digest)
	Digest(t, p.Active.Sink.Digest)
	if got := Drain(t, w); len(got) != 0 {
		t.Errorf("%d changes while digesting", len(got))
	}
}

// checkAdopt adopts on a former active, whose entries Apply did not write, and on its standby.
func checkAdopt(t *testing.T, p Pair) {
	putAll(p)
	changes := snapshot(t, p.Active)
	Apply(t, p.Standby, changes)
	for _, unit := range []class.Class{p.Active, p.Standby} {
		before := Digest(t, unit.Sink.Digest)
		for range 2 {
			if visited := Digest(t, unit.Sink.Adopt); !maps.Equal(before, visited) {
				t.Errorf("digest before adopting\n%q\nvisited while adopting\n%q", before, visited)
			}
		}
		if after := Digest(t, unit.Sink.Digest); !maps.Equal(before, after) {
			t.Errorf("digest before adopting\n%q\nafter\n%q", before, after)
		}
		wantKeys(t, unit, changes)
	}
}

func checkRefusal(t *testing.T, p Pair) {
	putAll(p)
	changes := snapshot(t, p.Active)
	bad := state.Change{Class: p.Active.ID, Op: state.Upsert, Key: "!", Record: []byte("!")}
	outcome, err := p.Standby.Sink.Apply(t.Context(), slices.Insert(slices.Clone(changes), 1, bad))
	if err != nil {
		t.Fatalf("Applying: %v", err)
	}
	if outcome.Refused != [class.Refusals]int{class.Malformed: 1} || outcome.Err == nil {
		t.Errorf("%v refused (%v), want one that is malformed", outcome.Refused, outcome.Err)
	}
	wantKeys(t, p.Standby, changes)
}

func checkOverwrite(t *testing.T, p Pair) {
	p.Put(1)
	Replicate(t, p.Active, p.Standby)
	w := Watch(t, p.Active)
	p.Put(1)
	Apply(t, p.Standby, Drain(t, w))
	wantKeys(t, p.Standby, snapshot(t, p.Active))
}

func checkAddAfterDelete(t *testing.T, p Pair) {
	p.Put(1)
	Replicate(t, p.Active, p.Standby)
	w := Watch(t, p.Active)
	p.Remove(1)
	p.Put(1)
	Apply(t, p.Standby, Drain(t, w))
	wantKeys(t, p.Standby, snapshot(t, p.Active))
}

func checkMerge(t *testing.T, p Pair) {
	w := Watch(t, p.Active)
	p.Put(1)
	p.Put(1)
	changes := Drain(t, w)
	record := changes[0].Record
	for _, c := range changes[1:] {
		merged, err := p.Active.Codec.Merge(record, c.Record)
		if err != nil {
			t.Fatalf("Merging: %v", err)
		}
		record = merged
	}
	merged := changes[0]
	merged.Record = record
	Apply(t, p.Standby, []state.Change{merged})
	wantKeys(t, p.Standby, snapshot(t, p.Active))
}

func checkRefreshAndCommit(t *testing.T, p Pair) {
	putAll(p)
	changes := snapshot(t, p.Active)
	Apply(t, p.Standby, changes)
	sink := p.Standby.Sink
	for _, do := range []func(context.Context) error{sink.Refresh, sink.Commit, sink.Commit} {
		if err := do(t.Context()); err != nil {
			t.Fatalf("Refreshing and committing: %v", err)
		}
		wantKeys(t, p.Standby, changes)
	}
}
