package notify

import (
	"context"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
)

// Follow sets the signal for each change that follow reports, until the context ends. If follow returns before that,
// Follow passes its error to failed. After the pause it sets the signal, since changes may have been missed, and calls
// follow again.
func (s Signal) Follow(
	ctx context.Context, follow func(ctx context.Context, changed func()) error, pause time.Duration, failed func(error),
) {
	for {
		err := follow(ctx, s.Notify)
		if ctx.Err() != nil {
			return
		}
		failed(err)
		if !backoff.Sleep(ctx, pause) {
			return
		}
		s.Notify()
	}
}

// Relay sets the signal for each item of a channel, until the context ends.
func (s Signal) Relay(ctx context.Context, from <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-from:
			s.Notify()
		}
	}
}
