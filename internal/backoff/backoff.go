// Package backoff has the pauses between tries: one that doubles, and one that ends with a context. It knows no
// Kubernetes types, so that every package can use it.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff is a pause that doubles with every try. It is used by one goroutine.
type Backoff struct {
	// Initial is the first pause, and Max bounds all.
	Initial, Max time.Duration
	// Jitter is how much of a pause is added to it at random at most, as in 0.5. It keeps many clients of one server from
	// trying at the same time.
	Jitter float64

	next time.Duration
}

// Next returns the pause before the next try.
func (b *Backoff) Next() time.Duration {
	pause := max(b.next, b.Initial)
	b.next = min(2*pause, b.Max)
	if b.Jitter > 0 {
		pause += time.Duration(rand.Float64() * b.Jitter * float64(pause))
	}
	return pause
}

// Reset makes the next pause the initial one, as after a success.
func (b *Backoff) Reset() { b.next = 0 }

// Sleep waits for the duration and returns true, or returns false as soon as the context ends.
func Sleep(ctx context.Context, d time.Duration) bool { return SleepUntil(ctx, d, nil) }

// SleepUntil sleeps as Sleep does, and returns true early when wake delivers a value.
func SleepUntil(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
		return ctx.Err() == nil
	case <-timer.C:
		return ctx.Err() == nil
	}
}
