package table

import (
	"context"
	"errors"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/state"
)

// ErrOverrun reports that deletions were forgotten before the watch returned them. A new watch has all entries.
var ErrOverrun = errors.New("changes were forgotten before they were read")

// Watch is a subscription to the changes of a table. Of several changes of one key that wait, it returns the last. Only
// one caller at a time may use it.
type Watch struct {
	table  *Table
	prefix string
	wake   notify.Signal
	// seen is the last revision that was returned. isListed is set once all entries were.
	seen     uint64
	isListed bool
}

// Watch starts a watch of the keys with a prefix. The first result of Next has all entries.
func (t *Table) Watch(prefix string) *Watch { return t.watch(prefix, false) }

// watch starts a watch that returns all entries first, unless they count as listed.
func (t *Table) watch(prefix string, isListed bool) *Watch {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := &Watch{table: t, prefix: prefix, wake: notify.New(), seen: t.history.revision, isListed: isListed}
	t.watches[w] = struct{}{}
	return w
}

// Wake returns a channel that has an item when Take may have something to return.
func (w *Watch) Wake() <-chan struct{} { return w.wake }

// Take returns the changes that were not returned yet, in the order of their revisions, together with the revision of
// the table. The first call returns all entries. After ErrOverrun, the watch can only be closed.
func (w *Watch) Take() (changed []Change, revision uint64, err error) {
	items, complete := w.take()
	if !complete {
		return nil, 0, ErrOverrun
	}
	return changes(items, w.table.options.Now()), w.seen, nil
}

// Next waits until Take has something to return, and returns it. The first call returns at once.
func (w *Watch) Next(ctx context.Context) (changed []Change, revision uint64, err error) {
	for {
		isFirst := !w.isListed
		changed, revision, err = w.Take()
		if isFirst || err != nil || len(changed) > 0 {
			return changed, revision, err
		}
		select {
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		case <-w.wake:
		}
	}
}

// take returns what has not been returned yet. It reports false if some of it was forgotten, and continues after that.
func (w *Watch) take() (items []item, complete bool) {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	return w.takeLocked()
}

// takeLocked returns the same as take. The caller holds the lock of the table.
func (w *Watch) takeLocked() (items []item, complete bool) {
	seen := w.seen
	w.seen = w.table.history.revision
	if !w.isListed {
		w.isListed = true
		return w.table.history.live(w.prefix), true
	}
	return w.table.history.since(seen, w.prefix)
}

// Close ends the watch.
func (w *Watch) Close() {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	delete(w.table.watches, w)
}

// engineWatch is a watch for the engine, which can ask it to report when it has returned everything.
type engineWatch struct {
	*Watch
	requested, reported uint64 // guarded by the lock of the table
}

// Receive waits for changes and returns them.
func (w *engineWatch) Receive(ctx context.Context) (class.Batch, error) {
	for {
		if batch, ready, err := w.batch(); ready || err != nil {
			return batch, err
		}
		select {
		case <-ctx.Done():
			return class.Batch{}, ctx.Err()
		case <-w.wake:
		}
	}
}

// batch returns what waits, and whether there is anything to return.
func (w *engineWatch) batch() (batch class.Batch, ready bool, err error) {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	items, complete := w.takeLocked()
	if !complete {
		return class.Batch{}, false, class.ErrOverrun
	}
	ready = len(items) > 0 || w.reported < w.requested
	w.reported = w.requested
	return class.Batch{Changes: w.table.encode(items), Drained: w.requested}, ready, nil
}

// Drain requests a batch that completes all earlier changes, and returns the number of the request.
func (w *engineWatch) Drain() uint64 {
	w.table.mu.Lock()
	defer w.table.mu.Unlock()
	w.requested++
	w.wake.Notify()
	return w.requested
}

// Close ends the watch.
func (w *engineWatch) Close() error {
	w.Watch.Close()
	return nil
}

// encode returns items as changes for the peer.
func (t *Table) encode(items []item) []state.Change {
	if len(items) == 0 {
		return nil
	}
	now := t.options.Now()
	encoded := make([]state.Change, len(items))
	for i, item := range items {
		encoded[i] = t.encodeOne(item, now)
	}
	return encoded
}

func (t *Table) encodeOne(i item, now time.Duration) state.Change {
	if i.isDeleted {
		return state.Change{Class: t.options.Class, Op: state.Delete, Key: i.key}
	}
	b := make([]byte, 0, headerBytes+len(i.value))
	return state.Change{Class: t.options.Class, Op: state.Upsert, Key: i.key, Record: i.record(now).append(b, true)}
}
