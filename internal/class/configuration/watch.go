package configuration

import (
	"context"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// watch is a subscription to the changes of a table. It never loses a change, because there are few.
type watch struct {
	table               *table
	wake                chan struct{}
	pending             []state.Change
	requested, reported uint64
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
		if batch, ready := w.take(); ready {
			return batch, nil
		}
		select {
		case <-ctx.Done():
			return class.Batch{}, ctx.Err()
		case <-w.wake:
		}
	}
}

func (w *watch) take() (class.Batch, bool) {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	batch := class.Batch{Changes: w.pending, Drained: w.requested}
	ready := len(w.pending) > 0 || w.reported < w.requested
	w.pending, w.reported = nil, w.requested
	return batch, ready
}

// Drain requests a batch that completes all earlier changes, and returns the number of the request.
func (w *watch) Drain() uint64 {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
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
