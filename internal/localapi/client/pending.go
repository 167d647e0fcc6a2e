package client

import (
	"iter"
	"slices"
	"sync"

	"github.com/hapair-io/hapair/internal/localapi"
)

// batchBytes is about how large a batch becomes. A value can be compacted but never grows, and a line has little more
// than its key and value.
const batchBytes = 512 << 10

// batches returns events in parts that fit into a batch.
func batches(events []localapi.Event) iter.Seq[[]localapi.Event] {
	return func(yield func([]localapi.Event) bool) {
		for len(events) > 0 {
			n, size := 0, 0
			for n < len(events) && size < batchBytes {
				size += sizeOf(events[n])
				n++
			}
			if !yield(events[:n]) {
				return
			}
			events = events[n:]
		}
	}
}

// sizeOf returns about how large the line of an event is. Characters of a key can be escaped.
func sizeOf(e localapi.Event) int { return 6*len(e.Key) + len(e.Value) + 100 }

// pending has the changes that wait to be sent: the last one of each key, in the order of the first.
type pending struct {
	mu     sync.Mutex
	keys   []string
	events map[string]localapi.Event
	// waiters are called once the change of a key is written, or will not be.
	waiters map[string]waiters
}

// waiters are functions that get whether a change was written.
type waiters []func(isWritten bool)

// tell calls the functions.
func (w waiters) tell(isWritten bool) {
	for _, done := range w {
		done(isWritten)
	}
}

func newPending() *pending {
	return &pending{events: map[string]localapi.Event{}, waiters: map[string]waiters{}}
}

// add adds a change, and what to call once it is written.
func (p *pending) add(e localapi.Event, waiting ...func(bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, waits := p.events[e.Key]; !waits {
		p.keys = append(p.keys, e.Key)
	}
	p.events[e.Key] = e
	if len(waiting) > 0 {
		p.waiters[e.Key] = append(p.waiters[e.Key], waiting...)
	}
}

// clear removes all changes, and returns who waited for them.
func (p *pending) clear() (waiting waiters) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = nil
	clear(p.events)
	for _, w := range p.waiters {
		waiting = append(waiting, w...)
	}
	clear(p.waiters)
	return waiting
}

// trim removes the changes for which nobody waits.
func (p *pending) trim() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = slices.DeleteFunc(p.keys, func(key string) bool {
		if len(p.waiters[key]) > 0 {
			return false
		}
		delete(p.events, key)
		return true
	})
}

// take removes and returns as many changes as fit into a batch, and who waits for them.
func (p *pending) take() (batch []localapi.Event, waiting waiters) {
	p.mu.Lock()
	defer p.mu.Unlock()
	size := 0
	for len(p.keys) > 0 && size < batchBytes {
		e := p.events[p.keys[0]]
		waiting = append(waiting, p.waiters[e.Key]...)
		delete(p.events, e.Key)
		delete(p.waiters, e.Key)
		p.keys = p.keys[1:]
		batch, size = append(batch, e), size+sizeOf(e)
	}
	return batch, waiting
}
