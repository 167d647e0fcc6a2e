package table

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// sinkFactor is how many times as many entries and bytes a standby takes. Changes can arrive before the deletions that
// made place for them, because a queue has only the last change of each key.
const sinkFactor = 2

// sink writes what the peer sends.
type sink struct{ table *Table }

// Apply adds, replaces and deletes entries. What remains of a life counts from now.
func (s sink) Apply(_ context.Context, all []state.Change) (class.Outcome, error) {
	var outcome class.Outcome
	s.table.mu.Lock()
	for _, c := range all {
		if c.Op == state.Delete {
			s.table.remove(c.Key)
			continue
		}
		if refusal, err := s.table.apply(c); err != nil {
			outcome.Refuse(refusal, err)
		}
	}
	s.table.notify()
	s.table.mu.Unlock()
	s.table.applied()
	return outcome, nil
}

// apply writes one entry of the peer. The caller holds the lock.
func (t *Table) apply(c state.Change) (class.Refusal, error) {
	r, err := parseRecord(c.Record)
	if err != nil {
		return class.Malformed, err
	}
	if err := t.options.check(Entry{Key: c.Key, Value: r.value}); err != nil {
		return class.Malformed, err
	}
	i := item{key: c.Key, value: slices.Clone(r.value), ends: r.ends, stamp: r.stamp}
	if i.ends {
		i.deadline = t.options.Now() + r.life
	}
	entries, size := t.length()+1, t.bytes+i.size()
	if old, ok := t.history.get(c.Key); ok {
		entries, size = entries-1, size-old.size()
		if old.ends == i.ends && old.stamp == i.stamp && bytes.Equal(old.value, i.value) {
			old.deadline = i.deadline // The watches know the entry.
			t.deadlines.set(old)
			return 0, nil
		}
	}
	if err := checkBounds(entries, size, sinkFactor); err != nil {
		return class.Full, err
	}
	t.put(i)
	return 0, nil
}

// Prune deletes the entries for which keep returns false.
func (s sink) Prune(_ context.Context, keep func(key string) bool) error {
	s.table.mu.Lock()
	for _, i := range s.table.history.live("") {
		if !keep(i.key) {
			s.table.remove(i.key)
		}
	}
	s.table.notify()
	s.table.mu.Unlock()
	s.table.applied()
	return nil
}

// applied calls the function of the options that is called after a change of the peer.
func (t *Table) applied() {
	if t.options.Applied != nil {
		t.options.Applied()
	}
}

// Digest visits the entries like that of the source.
func (s sink) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	return s.table.digest(ctx, visit)
}

// Adopt changes nothing, because the entries of a former active are the same as those of a standby. It visits them like
// Digest.
func (s sink) Adopt(ctx context.Context, visit func(key string, fields []byte) error) error {
	return s.table.digest(ctx, visit)
}

// Refresh changes nothing: on a standby, no life ends.
func (s sink) Refresh(context.Context) error { return nil }

// Commit starts to act on lives.
func (s sink) Commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return errors.Join(errors.New("the commit was cancelled"), err)
	}
	s.table.commit()
	return nil
}
