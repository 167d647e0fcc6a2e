package gate

import (
	"sync"
	"time"
)

// lastInspection is the last regular inspection of the gate. As long as it counts, opening the gate needs no inspection
// of its own: a request to the kernel may wait for a lock that another program holds, and traffic waits for the gate.
type lastInspection struct {
	mu sync.Mutex
	// changes is how many changes were reported so far.
	changes uint64
	// good is set if it found nothing wrong that it could not repair, and nothing has changed since it began, at.
	good bool
	at   time.Duration
}

// begin returns what end needs of the inspection's beginning.
func (l *lastInspection) begin() (changes uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changes
}

// end records an inspection that began at the instant, after that many changes.
func (l *lastInspection) end(changes uint64, at time.Duration, good bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.good, l.at = good && changes == l.changes, at
}

// changed records that something may have changed since the inspection.
func (l *lastInspection) changed() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changes++
	l.good = false
}

// counts reports whether the inspection was good, nothing was reported since, and the next one is not overdue.
func (l *lastInspection) counts(now time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.good && now-l.at < 2*inspectInterval
}
