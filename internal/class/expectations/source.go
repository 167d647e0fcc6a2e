package expectations

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// snapshotBatch is how many expectations go to the engine at once.
const snapshotBatch = 512

// source reads the active's kernel.
type source struct {
	filter *filter
	codec  codec
}

// Watch starts to listen to the kernel.
func (s *source) Watch() (class.Watch, error) {
	if err := s.filter.refresh(); err != nil {
		return nil, err
	}
	listener, err := conntrack.ListenExpectations()
	if err != nil {
		return nil, err
	}
	return &watch{filter: s.filter, codec: s.codec, listener: listener}, nil
}

// Snapshot dumps the kernel's table.
func (s *source) Snapshot(ctx context.Context, emit func([]state.Change) error) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	var changes []state.Change
	err := conntrack.DumpExpectations(ctx, func(e *conntrack.Expectation) error {
		if !s.filter.takes(e) {
			return nil
		}
		if changes = append(changes, s.codec.upsert(e)); len(changes) < snapshotBatch {
			return nil
		}
		full := changes
		changes = nil
		return emit(full)
	})
	if err != nil || len(changes) == 0 {
		return err
	}
	return emit(changes)
}

// Digest dumps the kernel's table.
func (s *source) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	return s.filter.digest(ctx, visit)
}

// digest visits the replicated expectations of this unit's kernel.
func (f *filter) digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	if err := f.refresh(); err != nil {
		return err
	}
	return conntrack.DumpExpectations(ctx, func(e *conntrack.Expectation) error {
		if !f.takes(e) {
			return nil
		}
		return visitExpectation(e, visit)
	})
}

// watch translates the events of a listener into changes.
type watch struct {
	filter   *filter
	codec    codec
	listener *conntrack.ExpectationListener
	asked    atomic.Uint64
	answered uint64
}

// Receive waits for changes of expectations that are replicated.
func (w *watch) Receive(ctx context.Context) (class.Batch, error) {
	for {
		asked := w.asked.Load() // before reading, so that what is read answers the drain
		if asked > w.answered {
			w.listener.Wake() // an earlier Receive may have used up the wake-up of this drain
		}
		events, drained, err := w.listener.Receive(ctx)
		switch {
		case errors.Is(err, conntrack.ErrOverrun):
			return class.Batch{}, class.ErrOverrun
		case errors.Is(err, conntrack.ErrMalformed):
			// The events of the message are lost, as if the kernel had dropped them.
			return class.Batch{}, fmt.Errorf("%w: %w", class.ErrOverrun, err)
		case err != nil:
			return class.Batch{}, err
		}
		batch := class.Batch{Changes: w.changes(events), Drained: w.answered}
		batch.Deferrable = isDeferrable(batch.Changes)
		if drained && asked > w.answered {
			w.answered, batch.Drained = asked, asked
			return batch, nil
		}
		if len(batch.Changes) > 0 {
			return batch, nil
		}
	}
}

// changes returns the changes of expectations that are replicated, in the order of their events.
func (w *watch) changes(events []conntrack.ExpectationEvent) []state.Change {
	var changes []state.Change
	for i := range events {
		e := &events[i].Expectation
		switch {
		case !w.filter.takes(e):
		case events[i].Kind == conntrack.EventDestroy:
			changes = append(changes, w.codec.remove(e))
		default:
			changes = appendUpsert(changes, w.codec.upsert(e))
		}
	}
	return changes
}

// appendUpsert appends an upsert. It takes the place of a deletion directly before it: when a client repeats its
// command, the kernel reports the end of the expectation and the same one as new.
func appendUpsert(changes []state.Change, upsert state.Change) []state.Change {
	if n := len(changes); n > 0 && changes[n-1].Op == state.Delete && changes[n-1].Key == upsert.Key {
		changes = changes[:n-1]
	}
	return append(changes, upsert)
}

// isDeferrable reports whether nothing but ends has changed. After a failover without them, the standby keeps an
// expectation a little longer.
func isDeferrable(changes []state.Change) bool {
	for i := range changes {
		if changes[i].Op != state.Delete {
			return false
		}
	}
	return true
}

// Drain wakes a Receive that waits, so that it reads what has happened until now.
func (w *watch) Drain() uint64 {
	number := w.asked.Add(1)
	w.listener.Wake()
	return number
}

// Close stops listening.
func (w *watch) Close() error { return w.listener.Close() }
