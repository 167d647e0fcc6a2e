package elements

import (
	"context"
	"errors"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/state"
)

const (
	// snapshotBatch is how many entries go to the engine at once.
	snapshotBatch = 512
	// nearEnd is the time before the end of an element in which one unit may have it and the other may not.
	nearEnd = 2 * time.Second
)

// source reads the active's sets.
type source struct {
	*sets
	keep func(nftables.Set, []nftables.Element)
}

// Watch starts to listen to the kernel. What the sets have then counts as sent, since a snapshot follows.
func (s *source) Watch() (class.Watch, error) {
	listener, err := nftables.Listen(s.config.Table)
	if err != nil {
		return nil, err
	}
	w := &watch{sets: s.sets, listener: listener, keep: s.keep}
	if err := w.reset(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Snapshot emits the elements of all sets.
func (s *source) Snapshot(ctx context.Context, emit func([]state.Change) error) error {
	var batch []state.Change
	err := s.each(func(set string, e nftables.Element) error {
		if batch = append(batch, s.upsert(set, e)); len(batch) < snapshotBatch {
			return nil
		}
		changes := batch
		batch = nil
		return errors.Join(ctx.Err(), emit(changes))
	})
	if err != nil || len(batch) == 0 {
		return err
	}
	return emit(batch)
}

// Digest visits the elements of all sets.
func (s *sets) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	var fields []byte
	return s.each(func(set string, e nftables.Element) error {
		fields = appendComparable(fields[:0], e)
		if e.Timeout > 0 && e.Remaining < nearEnd {
			return errors.Join(ctx.Err(), visit(encodeKey(set, e.Key), nil))
		}
		return errors.Join(ctx.Err(), visit(encodeKey(set, e.Key), fields))
	})
}

func (s *sets) upsert(set string, e nftables.Element) state.Change {
	return state.Change{Class: s.config.ID, Op: state.Upsert, Key: encodeKey(set, e.Key), Record: encodeRecord(e)}
}

func (s *sets) remove(set string, key []byte) state.Change {
	return state.Change{Class: s.config.ID, Op: state.Delete, Key: encodeKey(set, key)}
}
