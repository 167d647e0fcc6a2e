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

// Memory is a class whose place is a map. Its records are text; one that begins with "+" is of an entry that changed in
// part, and is appended to what was there.
type Memory struct {
	id state.Class

	mu                            sync.Mutex
	entries                       map[string]string
	watches                       map[*memoryWatch]struct{}
	fail                          error // what Apply answers
	limit                         int   // how many entries Apply has room for; any number when 0
	committed, refreshed, adopted int
}

// NewMemory makes a class without entries.
func NewMemory(id state.Class) *Memory {
	return &Memory{id: id, entries: map[string]string{}, watches: map[*memoryWatch]struct{}{}}
}

// Class is the class as the engine takes it.
func (m *Memory) Class() class.Class {
	return class.Class{ID: m.id, Source: m, Sink: m, Codec: m}
}

// Put makes or replaces an entry, or changes it when record begins with "+".
func (m *Memory) Put(key, record string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, record)
	m.tell(state.Change{Class: m.id, Op: state.Upsert, Key: key, Record: []byte(record)})
}

// Remove takes an entry away.
func (m *Memory) Remove(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, key)
	m.tell(state.Change{Class: m.id, Op: state.Delete, Key: key})
}

// Entries is a copy of all entries.
func (m *Memory) Entries() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.entries)
}

// Overrun makes every watch lose what it has not yet returned.
func (m *Memory) Overrun() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for w := range m.watches {
		w.pending, w.overrun = nil, true
		w.signal()
	}
}

// Fail makes Apply fail from now on; nil makes it work again.
func (m *Memory) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// Limit bounds for how many entries Apply has room; 0 does not.
func (m *Memory) Limit(entries int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limit = entries
}

// hasRoom tells whether there is room for an entry.
func (m *Memory) hasRoom(key string) bool {
	_, there := m.entries[key]
	return there || m.limit == 0 || len(m.entries) < m.limit
}

// Committed counts the calls of Commit.
func (m *Memory) Committed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.committed
}

// Adopted returns how often Adopt was called.
func (m *Memory) Adopted() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.adopted
}

// Refreshed counts the calls of Refresh.
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

func (m *Memory) tell(change state.Change) {
	for w := range m.watches {
		w.pending = append(w.pending, change)
		w.signal()
	}
}

// Watch begins to watch.
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

// Apply writes changes; a record that begins with "!" is refused.
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
		case !m.hasRoom(c.Key):
			outcome.Refuse(class.Full, errors.New("the memory is full"))
		default:
			m.put(c.Key, string(c.Record))
		}
	}
	return outcome, nil
}

// Prune removes what is not to be kept.
func (m *Memory) Prune(_ context.Context, keep func(string) bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.entries, func(key, _ string) bool { return !keep(key) })
	return m.fail
}

// Adopt does nothing but count.
func (m *Memory) Adopt(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.adopted++
	return nil
}

// Refresh does nothing but count.
func (m *Memory) Refresh(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refreshed++
	return nil
}

// Commit does nothing but count.
func (m *Memory) Commit(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.committed++
	return nil
}

// Merge appends the newer record to the older one when it is of a part.
func (m *Memory) Merge(older, newer []byte) ([]byte, error) {
	if added, ok := strings.CutPrefix(string(newer), "+"); ok {
		return append(slices.Clone(older), added...), nil
	}
	return newer, nil
}

type memoryWatch struct {
	memory          *Memory
	wake            chan struct{}
	pending         []state.Change
	overrun         bool
	asked, answered uint64
}

func (w *memoryWatch) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Receive waits for changes.
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
	batch := class.Batch{Changes: w.pending, Drained: w.asked}
	ready := len(w.pending) > 0 || w.answered < w.asked
	w.pending, w.answered = nil, w.asked
	return batch, ready, nil
}

// Drain asks for a batch that is drained.
func (w *memoryWatch) Drain() uint64 {
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	w.asked++
	w.signal()
	return w.asked
}

// Close ends watching.
func (w *memoryWatch) Close() error {
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	delete(w.memory.watches, w)
	return nil
}
