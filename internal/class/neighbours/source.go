package neighbours

import (
	"context"
	"errors"

	"github.com/hapair-io/hapair/internal/class"
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
	w := &watch{table: s.table, wake: make(chan struct{}, 1)}
	s.watches[w] = struct{}{}
	return w, nil
}

// lead makes the records follow the kernel, once what the unit had as the standby is written.
func (t *table) lead() error {
	if t.standby {
		t.mustRestore = true
	}
	if err := t.update(); err != nil {
		return err
	}
	t.standby = false
	return nil
}

// Snapshot emits all entries at once: there are few.
func (s source) Snapshot(_ context.Context, emit func([]state.Change) error) error {
	s.mu.Lock()
	err := s.update()
	changes := make([]state.Change, 0, len(s.records))
	for _, k := range s.sorted() {
		changes = append(changes, state.Change{
			Class: s.id, Op: state.Upsert, Key: k.encode(), Record: s.records[k].encode(),
		})
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return emit(changes)
}

// Digest visits all entries. The whole record is comparable.
func (s source) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	return s.digest(ctx, visit)
}

func (t *table) digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	t.mu.Lock()
	err := t.update()
	keys := t.sorted()
	values := make([][]byte, 0, len(keys))
	for _, k := range keys {
		values = append(values, t.records[k].encode())
	}
	t.mu.Unlock()
	if err != nil {
		return err
	}
	for i, k := range keys {
		if err := errors.Join(ctx.Err(), visit(k.encode(), values[i])); err != nil {
			return err
		}
	}
	return nil
}
