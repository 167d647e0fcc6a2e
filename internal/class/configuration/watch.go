package configuration

import (
	"context"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// watch is somebody who is told of changes. There are few, and none is ever lost.
type watch struct {
	table           *table
	wake            chan struct{}
	pending         []state.Change
	asked, answered uint64
}

func (w *watch) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // It is awake.
	}
}

// Receive waits for changes.
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
	batch := class.Batch{Changes: w.pending, Drained: w.asked}
	ready := len(w.pending) > 0 || w.answered < w.asked
	w.pending, w.answered = nil, w.asked
	return batch, ready
}

// Drain asks for a batch that has all that happened before.
func (w *watch) Drain() uint64 {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	w.asked++
	w.signal()
	return w.asked
}

// Close ends watching.
func (w *watch) Close() error {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	delete(w.table.watches, w)
	return nil
}
