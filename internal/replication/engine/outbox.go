package engine

import (
	"context"
	"slices"
	"sync"

	"github.com/hapair-io/hapair/internal/notify"
)

// outbox passes events to a reader that may be slow. An event replaces a waiting one with the same subject, so the
// number of subjects bounds it. A slow reader learns the latest state, but not every step on the way to it.
type outbox struct {
	events chan Event
	wake   notify.Signal

	mu      sync.Mutex
	waiting []Event
}

// newOutbox returns an empty outbox.
func newOutbox() *outbox {
	return &outbox{events: make(chan Event), wake: notify.New()}
}

// put adds an event.
func (o *outbox) put(e Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = slices.DeleteFunc(o.waiting, func(w Event) bool { return w.subject() == e.subject() })
	o.waiting = append(o.waiting, e)
	o.wake.Notify()
}

// take removes the oldest event.
func (o *outbox) take() (Event, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		return nil, false
	}
	e := o.waiting[0]
	o.waiting = o.waiting[1:]
	return e, true
}

// run passes events on until ctx ends.
func (o *outbox) run(ctx context.Context) {
	for {
		e, ok := o.take()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-o.wake:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case o.events <- e:
		}
	}
}
