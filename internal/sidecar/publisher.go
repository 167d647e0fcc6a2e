package sidecar

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
)

const (
	publishTimeout  = 5 * time.Second
	publishRetry    = 200 * time.Millisecond
	publishRetryMax = 5 * time.Second
)

// publisher writes the newest conditions to the unit's pod until they stick. What was overtaken is never written.
type publisher struct {
	pods Pods
	log  logr.Logger

	mu     sync.Mutex
	wanted Conditions
	// changed has one token while there is something to write.
	changed chan struct{}
}

func newPublisher(pods Pods, log logr.Logger) *publisher {
	return &publisher{pods: pods, log: log, changed: make(chan struct{}, 1)}
}

// set replaces what is to be written and returns at once.
func (p *publisher) set(c Conditions) {
	p.mu.Lock()
	p.wanted = c
	p.mu.Unlock()
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

func (p *publisher) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.changed:
			p.writeUntilDone(ctx)
		}
	}
}

func (p *publisher) writeUntilDone(ctx context.Context) {
	for pause := publishRetry; ; pause = min(2*pause, publishRetryMax) {
		p.mu.Lock()
		c := p.wanted
		p.mu.Unlock()
		limited, cancel := context.WithTimeout(ctx, publishTimeout)
		err := p.pods.Publish(limited, c)
		cancel()
		if err == nil || ctx.Err() != nil {
			return
		}
		p.log.Error(err, "Publishing conditions of the unit's pod")
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-p.changed: // Something newer: try it at once.
			timer.Stop()
		case <-timer.C:
		}
	}
}
