package vpncounters

import (
	"context"
	"errors"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/state"
)

// source has the counters of the active.
type source struct{ *table }

// Watch starts a watch. It begins with all records, since the comparison of both units leaves out their numbers. Those
// of a standby can be from an earlier session.
func (s source) Watch() (class.Watch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isStandby = false
	if err := s.refresh(); err != nil {
		return nil, err
	}
	w := &watch{table: s.table, wake: notify.New()}
	s.watches[w] = struct{}{}
	for _, id := range s.sorted() {
		w.add(upsert(id, s.records[id]))
	}
	return w, nil
}

// Snapshot emits all records at once: there are few.
func (s source) Snapshot(_ context.Context, emit func([]state.Change) error) error {
	s.mu.Lock()
	err := s.refreshActive()
	changes := make([]state.Change, 0, len(s.records))
	for _, id := range s.sorted() {
		changes = append(changes, upsert(id, s.records[id]))
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return emit(changes)
}

// refreshActive brings the records of an active up to date. The caller holds the lock.
func (t *table) refreshActive() error {
	if t.isStandby {
		return nil
	}
	return t.refresh()
}

// Digest visits all records.
func (s source) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	return s.digest(ctx, visit)
}

// digest visits all records. Their numbers change all the time, so only their presence is compared. A lost change is
// followed by another.
func (t *table) digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	t.mu.Lock()
	err := t.refreshActive()
	ids := t.sorted()
	t.mu.Unlock()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := errors.Join(ctx.Err(), visit(encodeKey(id), []byte{})); err != nil {
			return err
		}
	}
	return nil
}
