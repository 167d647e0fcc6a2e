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

// source reads the active's kernel. It listens only while it is watched. The kernel of a standby reports each entry
// that the sink writes, but no watch is open there, so that no entry returns to its sender.
type source struct {
	filter *filter
	ages   *ageFilter
	// leftOut are connections of classes that are not replicated.
	leftOut *leftOut
}

// Watch starts to listen to the kernel.
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
	s.ages.clear()
	s.leftOut.clear()
	alarm := time.AfterFunc(0, listener.Wake)
	alarm.Stop()
	return &watch{
		filter: s.filter, ages: s.ages, leftOut: s.leftOut, table: table, listener: listener, alarm: alarm,
		rereads: newRereads(),
	}, nil
}

// Snapshot dumps the kernel's table.
func (s *source) Snapshot(ctx context.Context, emit func([]state.Change) error) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	batch := newBatch(snapshotBatch)
	err := conntrack.Dump(ctx, func(f conntrack.Flow) error {
		if !s.takes(&f) || !s.filter.takesState(&f) || s.ages.holds(&f) {
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

// Digest dumps the kernel's table. Whether the standby has a connection that is held back is not known.
func (s *source) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	digester := digester{visit: visit}
	return conntrack.Dump(ctx, func(f conntrack.Flow) error {
		if !s.takes(&f) {
			return nil
		}
		return digester.visitFlow(&f, s.filter.takesState(&f) && !s.ages.holds(&f))
	})
}

// takes reports whether a connection of a dump is replicated. It remembers those of classes that are not: the watch
// cannot recognize them by each event.
func (s *source) takes(f *conntrack.Flow) bool {
	if s.filter.parts.have(f) {
		s.leftOut.add(f)
		return false
	}
	return s.filter.takes(f)
}

// watch translates the events of a listener into changes.
type watch struct {
	filter   *filter
	ages     *ageFilter
	leftOut  *leftOut
	table    *conntrack.Table
	listener *conntrack.Listener
	alarm    *time.Timer // wakes the listener when a connection may have matured, or is to be read again
	asked    atomic.Uint64
	answered uint64
	rereads  rereads
}

// Receive waits for changes of connections that are replicated.
func (w *watch) Receive(ctx context.Context) (class.Batch, error) {
	for {
		if changes, err := w.matured(); len(changes) > 0 || err != nil {
			return class.Batch{Changes: changes, Drained: w.answered}, err
		}
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
		changes, err := w.changes(events)
		if err != nil {
			return class.Batch{}, err
		}
		adjusted, err := w.reread(asked > w.answered)
		if err != nil {
			return class.Batch{}, err
		}
		w.setAlarm()
		batch := class.Batch{
			Changes: append(changes, adjusted...), Deferrable: deferrable(events) && len(adjusted) == 0,
			Drained: w.answered,
		}
		if drained && asked > w.answered {
			w.answered, batch.Drained = asked, asked
			return batch, nil
		}
		if len(batch.Changes) > 0 {
			return batch, nil
		}
	}
}

// maturedBatch bounds how many matured connections one Receive returns.
const maturedBatch = 512

// matured returns the connections that have reached the minimum age, in their present state. Connections that have
// ended meanwhile are left out: the standby never received them.
func (w *watch) matured() ([]state.Change, error) {
	requests := w.ages.matured(time.Now(), maturedBatch)
	if len(requests) == 0 {
		return nil, nil
	}
	found, err := w.table.Do(requests, nil)
	if err != nil {
		return nil, fmt.Errorf("reading connections that have reached the minimum age: %w", err)
	}
	b := newBatch(len(found))
	for i := range found {
		if f := &found[i].Flow; found[i].Err == nil && w.filter.takesState(f) {
			b.upsert(f, true)
		}
	}
	return b.changes(), nil
}

// changes returns the changes of connections that are replicated, in the order of their events.
func (w *watch) changes(events []conntrack.Event) ([]state.Change, error) {
	b, now := newBatch(len(events)), time.Now()
	for i := range events {
		e := &events[i]
		if e.Kind == conntrack.EventExpectation {
			w.rereads.add(&e.Flow, now)
			continue
		}
		isLeftOut, err := w.isLeftOut(e)
		switch {
		case err != nil:
			return nil, err
		case isLeftOut || !w.filter.takes(&e.Flow):
		case e.Kind == conntrack.EventNew && !hasHelper(&e.Flow) && w.ages.hold(&e.Flow, now):
		case e.Kind == conntrack.EventUpdate && w.ages.holds(&e.Flow):
		case e.Kind == conntrack.EventDestroy && w.ages.release(&e.Flow):
		case e.Kind == conntrack.EventDestroy:
			b.remove(&e.Flow)
		case w.filter.takesState(&e.Flow):
			b.upsert(&e.Flow, e.Kind == conntrack.EventNew)
		}
	}
	return b.changes(), nil
}

// setAlarm sets the alarm if a connection waits to be read. Each Receive reads what is due, so that a later alarm may
// replace an earlier one.
func (w *watch) setAlarm() {
	switch {
	case !w.rereads.isEmpty():
		w.alarm.Reset(settleTime)
	case w.ages.minimum > 0 && !w.ages.isEmpty():
		w.alarm.Reset(w.ages.minimum / checksPerAge)
	}
}

// deferrable reports whether the events are nothing but TCP connections that are being opened or closed. After a
// failover without them, the client repeats its request, or the standby keeps an entry a little longer.
func deferrable(events []conntrack.Event) bool {
	for i := range events {
		switch e := &events[i]; {
		case e.Kind == conntrack.EventDestroy || e.Kind == conntrack.EventExpectation:
		case unanswered(&e.Flow) || closing(&e.Flow):
		default:
			return false
		}
	}
	return true
}

// unanswered reports whether a TCP connection has seen a SYN and no answer.
func unanswered(f *conntrack.Flow) bool {
	return f.Fields.Has(conntrack.FieldTCPState) && f.TCP.State == conntrack.TCPSynSent
}

// closing reports whether an end of a TCP connection has closed it.
func closing(f *conntrack.Flow) bool {
	return f.Fields.Has(conntrack.FieldTCPState) && f.TCP.State > conntrack.TCPEstablished &&
		f.TCP.State <= conntrack.TCPClose
}

// checksPerAge is how often within the minimum age the watch checks which connections have reached it.
const checksPerAge = 8

// Drain wakes a Receive that waits, so that it reads what has happened until now.
func (w *watch) Drain() uint64 {
	number := w.asked.Add(1)
	w.listener.Wake()
	return number
}

// Close stops listening.
func (w *watch) Close() error {
	w.alarm.Stop()
	return errors.Join(w.listener.Close(), w.table.Close())
}
