package dynamicrouting

import (
	"context"
	"errors"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/state"
)

// source is the table on the active.
type source struct{ *table }

// Watch starts a watch.
func (s source) Watch() (class.Watch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.lead(); err != nil {
		return nil, err
	}
	w := &watch{table: s.table, wake: notify.New()}
	s.watches[w] = struct{}{}
	return w, nil
}

// snapshotBatch is the number of entries that a snapshot emits at once.
const snapshotBatch = 1024

// Snapshot emits all entries.
func (s source) Snapshot(ctx context.Context, emit func([]state.Change) error) error {
	changes, err := s.list()
	if err != nil {
		return err
	}
	for len(changes) > 0 {
		n := min(len(changes), snapshotBatch)
		if err := errors.Join(ctx.Err(), emit(changes[:n:n])); err != nil {
			return err
		}
		changes = changes[n:]
	}
	return nil
}

// Digest visits all entries. The whole record is comparable.
func (s source) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	return s.digest(ctx, visit)
}

// list returns all entries, as upserts. It compares them with the kernel first, which has no event for each change.
func (t *table) list() ([]state.Change, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.update(); err != nil {
		return nil, err
	}
	if err := t.reread(); err != nil {
		return nil, err
	}
	t.restore()
	all := make([]state.Change, 0, len(t.records))
	for _, k := range t.sorted() {
		all = append(all, t.change(k))
	}
	return all, nil
}

// change returns what a route is now.
func (t *table) change(k key) state.Change {
	if r := t.records[k]; r != nil {
		return state.Change{Class: state.DynamicRouting, Op: state.Upsert, Key: k.encode(), Record: r.data}
	}
	return state.Change{Class: state.DynamicRouting, Op: state.Delete, Key: k.encode()}
}

func (t *table) digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	all, err := t.list()
	if err != nil {
		return err
	}
	for _, c := range all {
		if err := errors.Join(ctx.Err(), visit(c.Key, c.Record)); err != nil {
			return err
		}
	}
	return nil
}
