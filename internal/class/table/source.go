package table

import (
	"context"
	"errors"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// snapshotBatch is the number of entries that a snapshot emits at once.
const snapshotBatch = 256

// source reads a table for the engine of an active.
type source struct{ table *Table }

// Watch starts a watch.
func (s source) Watch() (class.Watch, error) {
	return &engineWatch{Watch: s.table.watch("", true)}, nil
}

// Snapshot emits all entries.
func (s source) Snapshot(ctx context.Context, emit func([]state.Change) error) error {
	items := s.table.live()
	for len(items) > 0 {
		n := min(len(items), snapshotBatch)
		if err := errors.Join(ctx.Err(), emit(s.table.encode(items[:n]))); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

// Digest visits the entries without what remains of their lives.
func (s source) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	return s.table.digest(ctx, visit)
}

// live returns all entries.
func (t *Table) live() []item {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.history.live("")
}

func (t *Table) digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	var fields []byte
	for _, i := range t.live() {
		fields = i.record(0).append(fields[:0], false)
		if err := errors.Join(ctx.Err(), visit(i.key, fields)); err != nil {
			return err
		}
	}
	return nil
}
