package endurance

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// pulse counts what comes of a stream that never pauses by itself, and measures its longest silence.
type pulse struct {
	mu      sync.Mutex
	total   uint64
	before  uint64
	last    time.Time
	longest time.Duration
}

// beat notes that so much has come now.
func (p *pulse) beat(amount uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.last.IsZero() {
		p.longest = max(p.longest, now.Sub(p.last))
	}
	p.total += amount
	p.last = now
}

// forget forgets the longest silence, and what came so far.
func (p *pulse) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.longest, p.before = 0, p.total
}

// count is all that ever came.
func (p *pulse) count() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

// since is what came since forget, and the longest silence, counting one that still goes on.
func (p *pulse) since() (passed uint64, longest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total - p.before, max(p.longest, time.Since(p.last))
}

// awaitGrowth waits until a count has grown by so much, but no longer than the traffic is whole.
func awaitGrowth(ctx context.Context, by uint64, count func() uint64, broken func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	clock := time.NewTicker(interval)
	defer clock.Stop()
	from := count()
	for {
		if err := broken(); err != nil {
			return err
		}
		grown := count() - from
		if grown >= by {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not go on: %d of %d came: %w", grown, by, ctx.Err())
		case <-clock.C:
		}
	}
}
