package gate

import (
	"sync"
	"time"
)

// deadline is the instant at which a barrier closes, and whether it counts. While it does not, the barrier is closed.
type deadline struct {
	until  time.Duration
	counts bool
}

// effective returns the instant for the kernel; zero is closed.
func (d *deadline) effective() time.Duration {
	if d.counts {
		return d.until
	}
	return 0
}

// suspendable is a deadline of which all changes happen one after the other.
type suspendable struct {
	mu       sync.Mutex
	deadline deadline
}

func (s *suspendable) do(change func(*deadline)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.deadline)
}
