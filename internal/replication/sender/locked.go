package sender

import "sync"

// locked is a value that is only used under its lock.
type locked[T any] struct {
	mu    sync.Mutex
	value T
}

// do calls f with the value. F must not block, and must not take the lock again.
func (l *locked[T]) do(f func(*T)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.value)
}
