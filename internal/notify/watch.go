package notify

import (
	"context"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
)

const (
	// settlePause is how long changes are collected before they are answered, so that many at once cost one look.
	settlePause = 10 * time.Millisecond
	// restPause is the time between two looks while changes go on. It bounds what a program that keeps changing something
	// can cost.
	restPause = 50 * time.Millisecond
)

// Watch calls look at once, when the signal is set, and after the time that look returned, until the context ends.
func (s Signal) Watch(ctx context.Context, look func() (next time.Duration)) {
	regular := time.NewTimer(0)
	defer regular.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-regular.C:
		case <-s:
			if !backoff.Sleep(ctx, settlePause) {
				return
			}
		}
		regular.Reset(look())
		if !backoff.Sleep(ctx, restPause) {
			return
		}
	}
}
