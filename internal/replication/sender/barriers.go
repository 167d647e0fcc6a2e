package sender

import (
	"slices"
	"sync"

	"github.com/hapair-io/hapair/internal/replication/queue"
)

// barrier is a point in the stream of state after everything that its marks stand for.
type barrier struct {
	id uint64
	// isAsked is set if the standby is asked to answer once everything before it is written.
	isAsked bool
	marks   map[*stream]queue.Mark // what is sent before it
	isSent  bool
	// sent is closed when the writer has reached it, acked when the standby has answered.
	sent, acked chan struct{}
}

// isDue reports whether everything before the barrier has been sent, and the barrier has not.
func (b *barrier) isDue() bool {
	if b.isSent {
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
func (b *barriers) add(id uint64, isAsked bool, streams []*stream) *barrier {
	added := &barrier{
		id: id, isAsked: isAsked, marks: map[*stream]queue.Mark{}, sent: make(chan struct{}), acked: make(chan struct{}),
	}
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

// send marks the barriers that are due as sent. It returns the first that the standby is asked to answer, and leaves
// those behind it for the next call.
func (b *barriers) send() (id uint64, due bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.waiting {
		if !w.isDue() {
			continue
		}
		w.isSent = true
		close(w.sent)
		if w.isAsked {
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
		if w.id == id && w.isSent {
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
