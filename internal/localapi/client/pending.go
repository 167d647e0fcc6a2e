package client

import (
	"iter"
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
}

func newPending() *pending { return &pending{events: map[string]localapi.Event{}} }

// add adds a change.
func (p *pending) add(e localapi.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, waits := p.events[e.Key]; !waits {
		p.keys = append(p.keys, e.Key)
	}
	p.events[e.Key] = e
}

// clear removes all changes.
func (p *pending) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = nil
	clear(p.events)
}

// take removes and returns as many changes as fit into a batch.
func (p *pending) take() []localapi.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	var batch []localapi.Event
	size := 0
	for len(p.keys) > 0 && size < batchBytes {
		e := p.events[p.keys[0]]
		delete(p.events, p.keys[0])
		p.keys = p.keys[1:]
		batch, size = append(batch, e), size+sizeOf(e)
	}
	return batch
}
