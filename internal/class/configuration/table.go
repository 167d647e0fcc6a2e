package configuration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// table is the parts that a unit has: those of the document that is in force while it is active, and those that it
// received otherwise. It is where the class lives, so that one table is source and sink.
type table struct {
	mu      sync.Mutex
	parts   map[int]part
	watches map[*watch]struct{}
	// received has an item when the peer changed the parts since it was last taken.
	received chan struct{}
}

func newTable() *table {
	return &table{parts: map[int]part{}, watches: map[*watch]struct{}{}, received: make(chan struct{}, 1)}
}

// put makes or replaces a part, and tells who watches.
func (t *table) put(p part) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parts[p.number] = p
	t.tell(upsert(p))
}

// remove takes a part away, and tells who watches.
func (t *table) remove(number int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.parts, number)
	t.tell(state.Change{Class: state.Configuration, Op: state.Delete, Key: keyOf(number)})
}

func (t *table) tell(change state.Change) {
	for w := range t.watches {
		w.pending = append(w.pending, change)
		w.signal()
	}
}

func upsert(p part) state.Change {
	return state.Change{Class: state.Configuration, Op: state.Upsert, Key: p.key(), Record: p.record()}
}

// sorted is a copy of all parts in their order.
func (t *table) sorted() []part {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]part, 0, len(t.parts))
	for _, number := range slices.Sorted(maps.Keys(t.parts)) {
		all = append(all, t.parts[number])
	}
	return all
}

// Watch begins to watch.
func (t *table) Watch() (class.Watch, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := &watch{table: t, wake: make(chan struct{}, 1)}
	t.watches[w] = struct{}{}
	return w, nil
}

// Snapshot emits the parts one by one.
func (t *table) Snapshot(ctx context.Context, emit func([]state.Change) error) error {
	for _, p := range t.sorted() {
		if err := errors.Join(ctx.Err(), emit([]state.Change{upsert(p)})); err != nil {
			return err
		}
	}
	return nil
}

// Digest visits the parts. All of a part is comparable.
func (t *table) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	for _, p := range t.sorted() {
		if err := errors.Join(ctx.Err(), visit(p.key(), p.record())); err != nil {
			return err
		}
	}
	return nil
}

// Apply takes parts in.
func (t *table) Apply(_ context.Context, changes []state.Change) (class.Outcome, error) {
	var outcome class.Outcome
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, change := range changes {
		if change.Op == state.Delete {
			t.forget(func(key string) bool { return key == change.Key })
			continue
		}
		p, err := parse(change.Key, slices.Clone(change.Record))
		if err != nil {
			outcome.Refuse(class.Malformed, fmt.Errorf("reading a part of the firewall's document: %w", err))
			continue
		}
		t.parts[p.number] = p
	}
	t.announce()
	return outcome, nil
}

// Prune removes what is not to be kept.
func (t *table) Prune(_ context.Context, keep func(key string) bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget(func(key string) bool { return !keep(key) })
	t.announce()
	return nil
}

func (t *table) forget(what func(key string) bool) {
	maps.DeleteFunc(t.parts, func(number int, _ part) bool { return what(keyOf(number)) })
}

func (t *table) announce() {
	select {
	case t.received <- struct{}{}:
	default: // It is announced already.
	}
}

// Adopt does nothing: a part is the same on both units.
func (t *table) Adopt(context.Context) error { return nil }

// Refresh does nothing: parts do not age.
func (t *table) Refresh(context.Context) error { return nil }

// Commit does nothing: a unit that becomes active enforces what it was given.
func (t *table) Commit(context.Context) error { return nil }

// Merge takes the newer record, which is always of a whole part.
func (t *table) Merge(_, newer []byte) ([]byte, error) { return newer, nil }
