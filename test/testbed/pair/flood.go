package pair

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

const (
	// floodBatch is how many records a source reads at once, like one that reads from the kernel.
	floodBatch = 512
	// floodChanging is how many of the entries change repeatedly. It is below the capacity of the engine's queue, so that
	// the flood has changes and not only snapshots.
	floodChanging = 200_000
	floodRecord   = 200 // bytes, as of a connection
)

// flood is a class with a given number of entries. While it is open, it changes them as fast as they are read. Its sink
// discards what it receives.
type flood struct {
	records int
	open    atomic.Bool
	wake    chan struct{} // wakes the reader
	written atomic.Uint64
}

func newFlood(records int) *flood { return &flood{records: records, wake: make(chan struct{}, 1)} }

func (f *flood) class() class.Class {
	return class.Class{ID: state.ConnectionCache, Source: f, Sink: f, Codec: f}
}

// set opens or closes the flood.
func (f *flood) set(open bool) {
	f.open.Store(open)
	f.signal()
}

func (f *flood) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *flood) changes(from, to int) []state.Change {
	record := make([]byte, floodRecord)
	changes := make([]state.Change, 0, to-from)
	for i := from; i < to; i++ {
		changes = append(changes, state.Change{
			Class: state.ConnectionCache, Op: state.Upsert, Key: fmt.Sprintf("entry %08d", i), Record: record,
		})
	}
	return changes
}

// Snapshot emits every entry.
func (f *flood) Snapshot(ctx context.Context, emit func([]state.Change) error) error {
	for from := 0; from < f.records; from += floodBatch {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := emit(f.changes(from, min(from+floodBatch, f.records))); err != nil {
			return err
		}
	}
	return nil
}

// Digest visits nothing: the standby stores nothing, so it is sent everything.
func (f *flood) Digest(context.Context, func(string, []byte) error) error { return nil }

// Adopt visits nothing, like Digest.
func (f *flood) Adopt(context.Context, func(string, []byte) error) error { return nil }

// Watch starts to watch the entries.
func (f *flood) Watch() (class.Watch, error) { return &floodWatch{flood: f}, nil }

// Apply discards the changes and reports success.
func (f *flood) Apply(_ context.Context, changes []state.Change) (class.Outcome, error) {
	f.written.Add(uint64(len(changes)))
	return class.Outcome{}, nil
}

// Prune returns nil: the sink stores nothing.
func (f *flood) Prune(context.Context, func(string) bool) error { return nil }

// Refresh returns nil: no entry ages.
func (f *flood) Refresh(context.Context) error { return nil }

// Commit returns nil: the sink stores nothing.
func (f *flood) Commit(context.Context) error { return nil }

// Merge returns the newer record, because each record is a whole entry.
func (f *flood) Merge(_, newer []byte) ([]byte, error) { return newer, nil }

// floodWatch is a watch of the flood.
type floodWatch struct {
	flood *flood
	next  int
	asked atomic.Uint64
	told  uint64
}

// Receive returns changes without end while the flood is open.
func (w *floodWatch) Receive(ctx context.Context) (class.Batch, error) {
	for {
		if asked := w.asked.Load(); asked > w.told {
			w.told = asked
			return class.Batch{Drained: asked}, nil
		}
		if w.flood.open.Load() && ctx.Err() == nil {
			from := w.next
			w.next = (from + floodBatch) % floodChanging
			return class.Batch{Changes: w.flood.changes(from, min(from+floodBatch, floodChanging))}, nil
		}
		select {
		case <-ctx.Done():
			return class.Batch{}, ctx.Err()
		case <-w.flood.wake:
		}
	}
}

// Drain requests a batch that is marked as drained.
func (w *floodWatch) Drain() uint64 {
	defer w.flood.signal()
	return w.asked.Add(1)
}

// Close ends the watch.
func (w *floodWatch) Close() error { return nil }
