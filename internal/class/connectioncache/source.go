package connectioncache

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// snapshotBatch is how many entries go to the engine at once.
const snapshotBatch = 512

// source reads the active's kernel. It listens only while it is watched: a standby, whose own kernel tells of every
// entry that its sink writes, has nobody to hear it, and so no entry goes in a circle.
type source struct {
	filter  *filter
	nursery *nursery
}

// Watch begins to listen.
func (s *source) Watch() (class.Watch, error) {
	if err := s.filter.refresh(); err != nil {
		return nil, err
	}
	table, err := conntrack.OpenTable()
	if err != nil {
		return nil, err
	}
	listener, err := conntrack.Listen(s.filter.selection())
	if err != nil {
		return nil, errors.Join(err, table.Close())
	}
	s.nursery.clear()
	alarm := time.AfterFunc(0, listener.Wake)
	alarm.Stop()
	return &watch{filter: s.filter, nursery: s.nursery, table: table, listener: listener, alarm: alarm}, nil
}

// Snapshot dumps the table.
func (s *source) Snapshot(ctx context.Context, emit func([]state.Change) error) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	batch := newBatch(snapshotBatch)
	err := conntrack.Dump(ctx, func(f conntrack.Flow) error {
		if !s.filter.takes(&f) || !s.filter.takesState(&f) || s.nursery.has(&f) {
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

// Digest dumps the table.
func (s *source) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	digester := digester{visit: visit}
	return conntrack.Dump(ctx, func(f conntrack.Flow) error {
		if !s.filter.takes(&f) {
			return nil
		}
		return digester.visitFlow(&f, s.filter.takesState(&f) && !s.nursery.has(&f))
	})
}

// watch is a listener whose events are changes.
type watch struct {
	filter   *filter
	nursery  *nursery
	table    *conntrack.Table
	listener *conntrack.Listener
	alarm    *time.Timer // wakes the listener when a connection may have grown old enough
	asked    atomic.Uint64
	answered uint64
}

// Receive waits for changes of connections that are replicated.
func (w *watch) Receive(ctx context.Context) (class.Batch, error) {
	for {
		if changes, err := w.grown(); len(changes) > 0 || err != nil {
			return class.Batch{Changes: changes, Drained: w.answered}, err
		}
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
		batch := class.Batch{Changes: w.changes(events), Deferrable: deferrable(events), Drained: w.answered}
		if drained && asked > w.answered {
			w.answered, batch.Drained = asked, asked
			return batch, nil
		}
		if len(batch.Changes) > 0 {
			return batch, nil
		}
	}
}

// grownBatch is how many connections are told of at once that have become old enough.
const grownBatch = 512

// grown are the connections that have become old enough, as they are now. What is gone was never told of.
func (w *watch) grown() ([]state.Change, error) {
	questions := w.nursery.grown(time.Now(), grownBatch)
	if len(questions) == 0 {
		return nil, nil
	}
	found, err := w.table.Do(questions, nil)
	if err != nil {
		return nil, fmt.Errorf("looking for connections that are old enough: %w", err)
	}
	b := newBatch(len(found))
	for i := range found {
		if f := &found[i].Flow; found[i].Err == nil && w.filter.takesState(f) {
			b.upsert(f, true)
		}
	}
	return b.changes(), nil
}

func (w *watch) changes(events []conntrack.Event) []state.Change {
	b, now := newBatch(len(events)), time.Now()
	for i := range events {
		e := &events[i]
		switch {
		case !w.filter.takes(&e.Flow):
		case e.Kind == conntrack.EventNew && w.nursery.take(&e.Flow, now):
		case e.Kind == conntrack.EventUpdate && w.nursery.has(&e.Flow):
		case e.Kind == conntrack.EventDestroy && w.nursery.drop(&e.Flow):
		case e.Kind == conntrack.EventDestroy:
			b.remove(&e.Flow)
		case w.filter.takesState(&e.Flow):
			b.upsert(&e.Flow, e.Kind == conntrack.EventNew)
		}
	}
	if w.nursery.age > 0 && !w.nursery.empty() {
		w.alarm.Reset(w.nursery.age / looksPerAge)
	}
	return b.changes()
}

// deferrable reports whether the events are nothing but TCP connections that are being opened or closed. After a
// failover without them, the client repeats its request, or the standby keeps an entry a little longer.
func deferrable(events []conntrack.Event) bool {
	for i := range events {
		if e := &events[i]; e.Kind != conntrack.EventDestroy && !unanswered(&e.Flow) && !closing(&e.Flow) {
			return false
		}
	}
	return true
}

// unanswered tells whether a TCP connection has been asked for, and no more.
func unanswered(f *conntrack.Flow) bool {
	return f.Fields.Has(conntrack.FieldTCPState) && f.TCP.State == conntrack.TCPSynSent
}

// closing tells whether one end of a TCP connection has said that it ends.
func closing(f *conntrack.Flow) bool {
	return f.Fields.Has(conntrack.FieldTCPState) && f.TCP.State > conntrack.TCPEstablished &&
		f.TCP.State <= conntrack.TCPClose
}

// looksPerAge is how often within the age of replication the watch looks who has reached it.
const looksPerAge = 8

// Drain makes a Receive that waits look once more, and say so.
func (w *watch) Drain() uint64 {
	question := w.asked.Add(1)
	w.listener.Wake()
	return question
}

// Close ends listening.
func (w *watch) Close() error {
	w.alarm.Stop()
	return errors.Join(w.listener.Close(), w.table.Close())
}
