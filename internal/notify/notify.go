// Package notify has the one way in which a goroutine wakes another: a signal that never blocks its sender and never
// queues more than one wake-up.
package notify

// Signal wakes the goroutine that receives from it. Calls of Notify that come before it is received count as one.
type Signal chan struct{}

// New returns a signal that is not set.
func New() Signal { return make(Signal, 1) }

// Notify sets the signal. It never blocks.
func (s Signal) Notify() {
	select {
	case s <- struct{}{}:
	default: // It is set already.
	}
}
