package connections

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
)

// Churn creates connections at a steady rate, and deletes as many of the oldest ones, so that their number stays the
// same.
type Churn struct {
	table  *conntrack.Table
	rate   int
	cancel context.CancelFunc
	done   sync.WaitGroup
	begun  time.Time

	// The results are valid once the churn has ended.
	live  Span
	made  int
	lasts time.Duration
	err   error
}

// churnTick is the interval between batches of connections. A longer one would make bursts.
const churnTick = 5 * time.Millisecond

// Begin starts to replace the connections in the namespace's table. It continues until End, or until the test ends.
func Begin(t testing.TB, n *testbed.Namespace, live Span, rate int) *Churn {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c := &Churn{table: Open(t, n), rate: rate, cancel: cancel, live: live, begun: time.Now()}
	c.done.Go(func() {
		c.err = c.run(ctx)
		c.lasts = time.Since(c.begun)
	})
	t.Cleanup(c.end)
	return c
}

func (c *Churn) end() {
	c.cancel()
	c.done.Wait()
}

// End stops the churn. It returns the connections that exist now, and how many were created per second.
func (c *Churn) End(t testing.TB) (live Span, reached float64) {
	t.Helper()
	c.end()
	if c.err != nil {
		t.Fatalf("Replacing connections: %v", c.err)
	}
	return c.live, float64(c.made) / c.lasts.Seconds()
}

// run replaces the connections that are due at each tick. It never stops between creating and deleting, so that the set
// of connections is known.
func (c *Churn) run(ctx context.Context) error {
	ticker := time.NewTicker(churnTick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		due := int(time.Since(c.begun).Seconds()*float64(c.rate)) - c.made
		for due > 0 && ctx.Err() == nil {
			n := min(due, batch, c.live.Len())
			if err := c.replace(n); err != nil {
				return err
			}
			due -= n
		}
	}
}

func (c *Churn) replace(n int) error {
	ctx := context.Background() // one batch takes little time
	if err := all(ctx, c.table, conntrack.Create, Span{c.live.End, c.live.End + n}); err != nil {
		return err
	}
	c.live.End, c.made = c.live.End+n, c.made+n
	if err := all(ctx, c.table, conntrack.Delete, Span{c.live.First, c.live.First + n}); err != nil {
		return err
	}
	c.live.First += n
	return nil
}
