package sender

import (
	"slices"
	"sync"

	"github.com/hapair-io/hapair/internal/replication/queue"
)

// barrier is a request that the standby answers once everything before it is written.
type barrier struct {
	id    uint64
	sent  bool
	marks map[*stream]queue.Mark // what is sent before it
	acked chan struct{}
}

// isDue reports whether everything before the barrier has been sent, and the barrier has not.
func (b *barrier) isDue() bool {
	if b.sent {
		return false
	}
	for s, mark := range b.marks {
		if !s.hasPassed(mark) {
			return false
		}
	}
	return true
}

// barriers holds those that wait. Its methods are safe for concurrent use.
type barriers struct {
	mu      sync.Mutex
	waiting []*barrier
}

// add adds a barrier after everything that the streams have queued.
func (b *barriers) add(id uint64, streams []*stream) *barrier {
	added := &barrier{id: id, marks: map[*stream]queue.Mark{}, acked: make(chan struct{})}
	for _, s := range streams {
		added.marks[s] = s.mark()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, added)
	return added
}

// remove removes a barrier that nobody waits for any more.
func (b *barriers) remove(removed *barrier) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = slices.DeleteFunc(b.waiting, func(w *barrier) bool { return w == removed })
}

// send returns the next barrier that is due, and marks it as sent.
func (b *barriers) send() (id uint64, due bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.waiting {
		if w.isDue() {
			w.sent = true
			return w.id, true
		}
	}
	return 0, false
}

// acknowledge records the standby's answer.
func (b *barriers) acknowledge(id uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.waiting {
		if w.id == id && w.sent {
			close(w.acked)
			w.id = 0 // a second answer closes nothing
		}
	}
}

// isEmpty reports whether no barrier waits.
func (b *barriers) isEmpty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting) == 0
}
