package connectioncache

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// snapshotBatch is how many entries go to the engine at once.
const snapshotBatch = 512

// source reads the active's kernel. It listens only while it is watched: a standby, whose own kernel tells of every
// entry that its sink writes, has nobody to hear it, and so no entry goes in a circle.
type source struct{ filter *filter }

// Watch begins to listen.
func (s *source) Watch() (class.Watch, error) {
	if err := s.filter.refresh(); err != nil {
		return nil, err
	}
	listener, err := conntrack.Listen()
	if err != nil {
		return nil, err
	}
	return &watch{filter: s.filter, listener: listener}, nil
}

// Snapshot dumps the table.
func (s *source) Snapshot(ctx context.Context, emit func([]state.Change) error) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	batch := newBatch(snapshotBatch)
	err := conntrack.Dump(ctx, func(f conntrack.Flow) error {
		if !s.filter.takes(&f) || !s.filter.takesState(&f) {
			return nil
		}
		if batch.upsert(&f, true); !batch.full() {
			return nil
		}
		changes := batch.changes()
		batch = newBatch(snapshotBatch)
		return emit(changes)
	})
	if err != nil || len(batch.entries) == 0 {
		return err
	}
	return emit(batch.changes())
}

// Survey dumps the table.
func (s *source) Survey(ctx context.Context, visit func(key string, essence []byte) error) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	surveyor := surveyor{filter: s.filter, visit: visit}
	return conntrack.Dump(ctx, func(f conntrack.Flow) error {
		if !s.filter.takes(&f) {
			return nil
		}
		return surveyor.look(&f)
	})
}

// watch is a listener whose events are changes.
type watch struct {
	filter   *filter
	listener *conntrack.Listener
	asked    atomic.Uint64
	answered uint64
}

// Receive waits for changes of connections that are replicated.
func (w *watch) Receive(ctx context.Context) (class.Batch, error) {
	for {
		asked := w.asked.Load() // before reading: what is read then answers the question
		if asked > w.answered {
			w.listener.Wake() // the question may have come after an earlier look that it woke up
		}
		events, drained, err := w.listener.Receive(ctx)
		switch {
		case errors.Is(err, conntrack.ErrOverrun):
			return class.Batch{}, class.ErrOverrun
		case errors.Is(err, conntrack.ErrMalformed):
			// What it told is lost, as if the kernel had lost it.
			return class.Batch{}, fmt.Errorf("%w: %w", class.ErrOverrun, err)
		case err != nil:
			return class.Batch{}, err
		}
		batch := class.Batch{Changes: w.changes(events), Drained: w.answered}
		if drained && asked > w.answered {
			w.answered, batch.Drained = asked, asked
			return batch, nil
		}
		if len(batch.Changes) > 0 {
			return batch, nil
		}
	}
}

func (w *watch) changes(events []conntrack.Event) []state.Change {
	b := newBatch(len(events))
	for i := range events {
		e := &events[i]
		switch {
		case !w.filter.takes(&e.Flow):
		case e.Kind == conntrack.EventDestroy:
			b.remove(&e.Flow)
		case w.filter.takesState(&e.Flow):
			b.upsert(&e.Flow, e.Kind == conntrack.EventNew)
		}
	}
	return b.changes()
}

// Drain makes a Receive that waits look once more, and say so.
func (w *watch) Drain() uint64 {
	question := w.asked.Add(1)
	w.listener.Wake()
	return question
}

// Close ends listening.
func (w *watch) Close() error { return w.listener.Close() }
