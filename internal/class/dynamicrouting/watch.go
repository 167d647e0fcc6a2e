package dynamicrouting

import (
	"context"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/state"
)

// maxPending bounds the changes that wait for the engine.
const maxPending = 2 * maxRoutes

// watch is a subscription to the changes of a table.
type watch struct {
	table *table
	wake  notify.Signal
	// The rest is guarded by the table's lock.
	pending             []state.Change
	requested, reported uint64
	isOverrun           bool
}

// add queues a change. If too many wait, they are dropped, and the engine reads all routes.
func (w *watch) add(change state.Change) {
	if w.pending = append(w.pending, change); len(w.pending) > maxPending {
		w.overrun()
	}
	w.wake.Notify()
}

func (w *watch) overrun() {
	w.pending, w.isOverrun = nil, true
	w.wake.Notify()
}

// Receive waits for changes and returns them.
func (w *watch) Receive(ctx context.Context) (class.Batch, error) {
	for {
		if batch, isReady, err := w.take(); isReady || err != nil {
			return batch, err
		}
		select {
		case <-ctx.Done():
			return class.Batch{}, ctx.Err()
		case <-w.wake:
		}
	}
}

func (w *watch) take() (batch class.Batch, isReady bool, err error) {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	switch {
	case w.isOverrun:
		w.isOverrun = false
		return class.Batch{}, false, class.ErrOverrun
	case w.table.failed != nil:
		return class.Batch{}, false, w.table.failed
	}
	isReady = len(w.pending) > 0 || w.reported < w.requested
	batch = class.Batch{Changes: w.pending, Drained: w.requested}
	w.pending, w.reported = nil, w.requested
	return batch, isReady, nil
}

// Drain requests a batch that completes all earlier changes, and returns the number of the request.
func (w *watch) Drain() uint64 {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	_ = w.table.update() // A failure is what Receive returns.
	w.requested++
	w.wake.Notify()
	return w.requested
}

// Close ends the watch.
func (w *watch) Close() error {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	delete(w.table.watches, w)
	return nil
}
