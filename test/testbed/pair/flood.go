package pair

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

const (
	// floodBatch is how many records a source has at once, as one that reads from the kernel does.
	floodBatch = 512
	// floodChanging is how many of the entries change, again and again: fewer than may wait in the engine's queue, so that
	// the flood is of changes and not of snapshots alone.
	floodChanging = 200_000
	floodRecord   = 200 // bytes, as of a connection
)

// flood is a class that has as many entries as it is asked for, and while it is open, changes them as fast as anyone
// reads. Its sink takes what comes and keeps nothing.
type flood struct {
	records int
	open    atomic.Bool
	wake    chan struct{} // for whoever reads
	written atomic.Uint64
}

func newFlood(records int) *flood { return &flood{records: records, wake: make(chan struct{}, 1)} }

func (f *flood) class() class.Class {
	return class.Class{ID: state.ConnectionCache, Source: f, Sink: f, Codec: f}
}

// set opens the flood or ends it.
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

// Digest visits nothing: the standby stores nothing, and is sent everything.
func (f *flood) Digest(context.Context, func(string, []byte) error) error { return nil }

// Adopt has nothing to adopt.
func (f *flood) Adopt(context.Context) error { return nil }

// Watch begins to watch.
func (f *flood) Watch() (class.Watch, error) { return &floodWatch{flood: f}, nil }

// Apply takes everything.
func (f *flood) Apply(_ context.Context, changes []state.Change) (class.Outcome, error) {
	f.written.Add(uint64(len(changes)))
	return class.Outcome{}, nil
}

// Prune has nothing to remove.
func (f *flood) Prune(context.Context, func(string) bool) error { return nil }

// Refresh has nothing that ages.
func (f *flood) Refresh(context.Context) error { return nil }

// Commit has nothing to commit.
func (f *flood) Commit(context.Context) error { return nil }

// Merge takes the newer record: each is of a whole entry.
func (f *flood) Merge(_, newer []byte) ([]byte, error) { return newer, nil }

// floodWatch is the flood being watched.
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

// Drain asks for a batch that is drained.
func (w *floodWatch) Drain() uint64 {
	defer w.flood.signal()
	return w.asked.Add(1)
}

// Close ends watching.
func (w *floodWatch) Close() error { return nil }
