package classtest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// Memory is a class that stores its entries in a map. Its records are text. A record that begins with "+" is a partial
// change: its text is appended to the entry.
type Memory struct {
	id state.Class

	mu                            sync.Mutex
	entries                       map[string]string
	watches                       map[*memoryWatch]struct{}
	fail                          error // what Apply returns
	limit                         int   // the capacity of Apply in entries; unlimited when 0
	committed, refreshed, adopted int
}

// NewMemory returns a class without entries.
func NewMemory(id state.Class) *Memory {
	return &Memory{id: id, entries: map[string]string{}, watches: map[*memoryWatch]struct{}{}}
}

// Class returns the class for an engine.
func (m *Memory) Class() class.Class {
	return class.Class{ID: m.id, Source: m, Sink: m, Codec: m}
}

// Put adds or replaces an entry, or appends to it if record begins with "+".
func (m *Memory) Put(key, record string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, record)
	m.notify(state.Change{Class: m.id, Op: state.Upsert, Key: key, Record: []byte(record)})
}

// Remove removes an entry.
func (m *Memory) Remove(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, key)
	m.notify(state.Change{Class: m.id, Op: state.Delete, Key: key})
}

// Entries returns a copy of all entries.
func (m *Memory) Entries() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.entries)
}

// Overrun makes every watch lose the changes that it has not returned yet.
func (m *Memory) Overrun() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for w := range m.watches {
		w.pending, w.overrun = nil, true
		w.signal()
	}
}

// Fail makes Apply and Prune fail from now on. With nil they succeed again.
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// Limit bounds the number of entries that Apply accepts. 0 removes the bound.
func (m *Memory) Limit(entries int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limit = entries
}

// hasCapacity reports whether an entry exists or can be added.
func (m *Memory) hasCapacity(key string) bool {
	_, there := m.entries[key]
	return there || m.limit == 0 || len(m.entries) < m.limit
}

// Committed returns the number of calls of Commit.
func (m *Memory) Committed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.committed
}

// Adopted returns the number of calls of Adopt.
func (m *Memory) Adopted() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.adopted
}

// Refreshed returns the number of calls of Refresh.
func (m *Memory) Refreshed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refreshed
}

func (m *Memory) put(key, record string) {
	if added, ok := strings.CutPrefix(record, "+"); ok {
		record = m.entries[key] + added
	}
	m.entries[key] = record
}

func (m *Memory) notify(change state.Change) {
	for w := range m.watches {
		w.pending = append(w.pending, change)
		w.signal()
	}
}

// Watch starts a watch.
func (m *Memory) Watch() (class.Watch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := &memoryWatch{memory: m, wake: make(chan struct{}, 1)}
	m.watches[w] = struct{}{}
	return w, nil
}

// Snapshot emits the entries in the order of their keys, ten at a time.
func (m *Memory) Snapshot(ctx context.Context, emit func([]state.Change) error) error {
	entries := m.Entries()
	for keys := range slices.Chunk(slices.Sorted(maps.Keys(entries)), 10) {
		batch := make([]state.Change, 0, len(keys))
		for _, key := range keys {
			batch = append(batch, state.Change{Class: m.id, Op: state.Upsert, Key: key, Record: []byte(entries[key])})
		}
		if err := errors.Join(ctx.Err(), emit(batch)); err != nil {
			return err
		}
	}
	return nil
}

// Digest visits the entries in the order of their keys.
func (m *Memory) Digest(ctx context.Context, visit func(string, []byte) error) error {
	entries := m.Entries()
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if err := errors.Join(ctx.Err(), visit(key, []byte(entries[key]))); err != nil {
			return err
		}
	}
	return nil
}

// Apply writes changes. It refuses a record that begins with "!".
func (m *Memory) Apply(_ context.Context, changes []state.Change) (class.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var outcome class.Outcome
	if m.fail != nil {
		return outcome, m.fail
	}
	for _, c := range changes {
		switch {
		case c.Op == state.Delete:
			delete(m.entries, c.Key)
		case strings.HasPrefix(string(c.Record), "!"):
			outcome.Refuse(class.Malformed, errors.New("record begins with an exclamation mark"))
		case !m.hasCapacity(c.Key):
			outcome.Refuse(class.Full, errors.New("the memory is full"))
		default:
			m.put(c.Key, string(c.Record))
		}
	}
	return outcome, nil
}

// Prune removes the entries for which keep returns false.
func (m *Memory) Prune(_ context.Context, keep func(string) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.entries, func(key, _ string) bool { return !keep(key) })
	return m.fail
}

// Adopt counts the call, and visits the entries like Digest.
func (m *Memory) Adopt(ctx context.Context, visit func(string, []byte) error) error {
	m.mu.Lock()
	m.adopted++
	m.mu.Unlock()
	return m.Digest(ctx, visit)
}

// Refresh counts the call and does nothing else.
func (m *Memory) Refresh(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refreshed++
	return nil
}

// Commit counts the call and does nothing else.
func (m *Memory) Commit(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.committed++
	return nil
}

// Merge appends the newer record to the older one if the newer one is partial.
func (m *Memory) Merge(older, newer []byte) ([]byte, error) {
	if added, ok := strings.CutPrefix(string(newer), "+"); ok {
		return append(slices.Clone(older), added...), nil
	}
	return newer, nil
}

type memoryWatch struct {
	memory              *Memory
	wake                chan struct{}
	pending             []state.Change
	overrun             bool
	requested, reported uint64
}

func (w *memoryWatch) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Receive waits for changes and returns them.
func (w *memoryWatch) Receive(ctx context.Context) (class.Batch, error) {
	for {
		if batch, ok, err := w.take(); ok || err != nil {
			return batch, err
		}
		select {
		case <-ctx.Done():
			return class.Batch{}, ctx.Err()
		case <-w.wake:
		}
	}
}

func (w *memoryWatch) take() (class.Batch, bool, error) {
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	if w.overrun {
		w.overrun = false
		return class.Batch{}, false, class.ErrOverrun
	}
	batch := class.Batch{Changes: w.pending, Drained: w.requested}
	ready := len(w.pending) > 0 || w.reported < w.requested
	w.pending, w.reported = nil, w.requested
	return batch, ready, nil
}

// Drain requests a batch that completes all earlier changes, and returns the number of the request.
func (w *memoryWatch) Drain() uint64 {
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	w.requested++
	w.signal()
	return w.requested
}

// Close ends the watch.
func (w *memoryWatch) Close() error {
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	delete(w.memory.watches, w)
	return nil
}
