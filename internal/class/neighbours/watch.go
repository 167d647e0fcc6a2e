package neighbours

import (
	"context"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// maxPending bounds the changes that wait for the engine.
const maxPending = 4 * maxFixed

// watch is a subscription to the changes of a table.
type watch struct {
	table *table
	wake  chan struct{}
	// The rest is guarded by the table's lock.
	pending             []state.Change
	requested, reported uint64
	overran             bool
}

// add queues a change. If too many wait, they are dropped, and the engine reads all entries.
func (w *watch) add(change state.Change) {
	if w.pending = append(w.pending, change); len(w.pending) > maxPending {
		w.overrun()
	}
	w.signal()
}

func (w *watch) overrun() {
	w.pending, w.overran = nil, true
	w.signal()
}

func (w *watch) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // already awake
	}
}

// Receive waits for changes and returns them.
func (w *watch) Receive(ctx context.Context) (class.Batch, error) {
	for {
		if batch, ready, err := w.take(); ready || err != nil {
			return batch, err
		}
		select {
		case <-ctx.Done():
			return class.Batch{}, ctx.Err()
		case <-w.wake:
		}
	}
}

func (w *watch) take() (batch class.Batch, ready bool, err error) {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	if w.overran {
		w.overran = false
		return class.Batch{}, true, class.ErrOverrun
	}
	if w.table.failed != nil {
		return class.Batch{}, true, w.table.failed
	}
	batch = class.Batch{Changes: w.pending, Drained: w.requested}
	ready = len(w.pending) > 0 || w.reported < w.requested
	w.pending, w.reported = nil, w.requested
	return batch, ready, nil
}

// Drain requests a batch that completes all earlier changes, and returns the number of the request.
func (w *watch) Drain() uint64 {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	_ = w.table.update() // A failure is what Receive returns.
	w.requested++
	w.signal()
	return w.requested
}

// Close ends the watch.
func (w *watch) Close() error {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	delete(w.table.watches, w)
	return nil
}
