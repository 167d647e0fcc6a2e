package sidecar

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/notify"
)

const (
	publishTimeout  = 5 * time.Second
	publishRetry    = 200 * time.Millisecond
	publishRetryMax = 5 * time.Second
)

// publisher writes the newest value until a write succeeds. It skips values that a newer one replaced.
type publisher[T any] struct {
	write func(context.Context, T) error
	log   logr.Logger

	mu      sync.Mutex
	wanted  T
	isSet   bool
	changed notify.Signal
}

func newPublisher[T any](write func(context.Context, T) error, log logr.Logger) *publisher[T] {
	return &publisher[T]{write: write, log: log, changed: notify.New()}
}

// set replaces the value that is to be written and returns at once.
func (p *publisher[T]) set(value T) {
	p.mu.Lock()
	p.wanted, p.isSet = value, true
	p.mu.Unlock()
	p.changed.Notify()
}

// repeat writes the value again, if there is one, and returns at once.
func (p *publisher[T]) repeat() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isSet {
		p.changed.Notify()
	}
}

func (p *publisher[T]) get() T {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wanted
}

// run writes until the context ends.
func (p *publisher[T]) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.changed:
			p.writeUntilDone(ctx)
		}
	}
}

// writeUntilDone writes until a write succeeds. A newer value is tried at once.
func (p *publisher[T]) writeUntilDone(ctx context.Context) {
	pause := backoff.Backoff{Initial: publishRetry, Max: publishRetryMax}
	for {
		limited, cancel := context.WithTimeout(ctx, publishTimeout)
		err := p.write(limited, p.get())
		cancel()
		if err == nil || ctx.Err() != nil {
			return
		}
		p.log.Error(err, "Publishing status of the unit")
		if !backoff.SleepUntil(ctx, pause.Next(), p.changed) {
			return
		}
	}
}
