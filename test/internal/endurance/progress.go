package endurance

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hapair-io/hapair/test/poll"
)

// progress counts what arrives of a stream that never pauses by itself, and measures its longest silence.
type progress struct {
	mu      sync.Mutex
	total   uint64
	before  uint64
	last    time.Time
	longest time.Duration
}

// add records that an amount has arrived now.
func (p *progress) add(amount uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.last.IsZero() {
		p.longest = max(p.longest, now.Sub(p.last))
	}
	p.total += amount
	p.last = now
}

// reset discards the longest silence and the amount so far.
func (p *progress) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.longest, p.before = 0, p.total
}

// received returns everything that has ever arrived.
func (p *progress) received() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}

// sinceReset returns what arrived since reset, and the longest silence, including one that has not ended.
func (p *progress) sinceReset() (passed uint64, longest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total - p.before, max(p.longest, time.Since(p.last))
}

// awaitGrowth waits until a count has grown by an amount. It fails if the traffic breaks or the time runs out.
func awaitGrowth(ctx context.Context, by uint64, count func() uint64, broken func() error) error {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	from := count()
	return poll.Until(ctx, interval, "the traffic to continue", func(context.Context) error {
		if err := broken(); err != nil {
			return poll.Permanent(err)
		}
		if grown := count() - from; grown < by {
			return fmt.Errorf("%d of %d arrived", grown, by)
		}
		return nil
	})
}
