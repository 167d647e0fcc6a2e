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

// table holds the parts of a unit's document: the enforced document on the active, the received one on the standby. It
// implements both source and sink.
type table struct {
	mu      sync.Mutex
	parts   map[int]part
	watches map[*watch]struct{}
	// received has an item after the peer changed parts, until the item is taken.
	received chan struct{}
}

func newTable() *table {
	return &table{parts: map[int]part{}, watches: map[*watch]struct{}{}, received: make(chan struct{}, 1)}
}

// put adds or replaces a part and notifies the watches.
func (t *table) put(p part) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parts[p.number] = p
	t.notify(upsert(p))
}

// remove removes a part and notifies the watches.
func (t *table) remove(number int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.parts, number)
	t.notify(state.Change{Class: state.Configuration, Op: state.Delete, Key: keyOf(number)})
}

func (t *table) notify(change state.Change) {
	for w := range t.watches {
		w.pending = append(w.pending, change)
		w.signal()
	}
}

func upsert(p part) state.Change {
	return state.Change{Class: state.Configuration, Op: state.Upsert, Key: p.key(), Record: p.record()}
}

// sorted returns a copy of all parts in their order.
func (t *table) sorted() []part {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]part, 0, len(t.parts))
	for _, number := range slices.Sorted(maps.Keys(t.parts)) {
		all = append(all, t.parts[number])
	}
	return all
}

// Watch starts a watch.
func (t *table) Watch() (class.Watch, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := &watch{table: t, wake: make(chan struct{}, 1)}
	t.watches[w] = struct{}{}
	return w, nil
}

// Snapshot emits the parts one at a time.
func (t *table) Snapshot(ctx context.Context, emit func([]state.Change) error) error {
	for _, p := range t.sorted() {
		if err := errors.Join(ctx.Err(), emit([]state.Change{upsert(p)})); err != nil {
			return err
		}
	}
	return nil
}

// Digest visits the parts. All bytes of a part are comparable.
func (t *table) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	for _, p := range t.sorted() {
		if err := errors.Join(ctx.Err(), visit(p.key(), p.record())); err != nil {
			return err
		}
	}
	return nil
}

// Apply adds, replaces and removes parts.
func (t *table) Apply(_ context.Context, changes []state.Change) (class.Outcome, error) {
	var outcome class.Outcome
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, change := range changes {
		if change.Op == state.Delete {
			t.removeIf(func(key string) bool { return key == change.Key })
			continue
		}
		p, err := parse(change.Key, slices.Clone(change.Record))
		if err != nil {
			outcome.Refuse(class.Malformed, fmt.Errorf("reading a part of the firewall's document: %w", err))
			continue
		}
		t.parts[p.number] = p
	}
	t.signalReceived()
	return outcome, nil
}

// Prune removes the parts for which keep returns false.
func (t *table) Prune(_ context.Context, keep func(key string) bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removeIf(func(key string) bool { return !keep(key) })
	t.signalReceived()
	return nil
}

func (t *table) removeIf(remove func(key string) bool) {
	maps.DeleteFunc(t.parts, func(number int, _ part) bool { return remove(keyOf(number)) })
}

func (t *table) signalReceived() {
	select {
	case t.received <- struct{}{}:
	default: // the item is already there
	}
}

// Adopt changes nothing, because a part is the same on both units. It visits the parts like Digest.
func (t *table) Adopt(ctx context.Context, visit func(string, []byte) error) error {
	return t.Digest(ctx, visit)
}

// Refresh changes nothing, because parts have no timeout.
func (t *table) Refresh(context.Context) error { return nil }

// Commit changes nothing: a new active enforces the document that it has received.
func (t *table) Commit(context.Context) error { return nil }

// Merge returns the newer record, since a record always holds a whole part.
func (t *table) Merge(_, newer []byte) ([]byte, error) { return newer, nil }
