package replication

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/benchmark/internal/figures"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/connections"
)

// lag measures the time from the event of a new connection in one kernel until that in the other.
var lag = scenario{
	name: "lag", systems: []string{hapair, direct}, atRates: true, measure: measureLag,
	columns: []column{
		reachedColumn, missingColumn,
		{"p50 ms", lagP50, "%.2f"},
		{"p99 ms", lagP99, "%.2f"},
	},
	targets: []target{
		{what: "lag p50", of: lagP50, against: direct, bounds: atMost(1)},
		{what: "lag p99", of: lagP99, against: direct, bounds: atMost(1)},
	},
}

func lagP50(s Sample) float64 { return s.LagP50 }
func lagP99(s Sample) float64 { return s.LagP99 }

// clock records when a kernel reports new connections.
type clock struct {
	t        testing.TB
	listener *conntrack.Listener
	every    uint16
	done     sync.WaitGroup

	mu   sync.Mutex
	seen map[conntrack.Tuple]time.Time
}

// listen returns a clock for one in every connections of a namespace.
func listen(t testing.TB, n *testbed.Namespace, every uint16) *clock {
	t.Helper()
	c := &clock{t: t, every: every, seen: map[conntrack.Tuple]time.Time{}}
	err := n.Do(func() (err error) {
		c.listener, err = conntrack.Listen(conntrack.Selection{})
		return err
	})
	if err != nil {
		t.Fatalf("Listening in %s: %v", n.Name, err)
	}
	return c
}

// run records until ctx ends.
func (c *clock) run(ctx context.Context) {
	c.done.Go(func() {
		for {
			events, _, err := c.listener.Receive(ctx)
			if ctx.Err() != nil {
				_ = c.listener.Close()
				return
			}
			if err != nil && !errors.Is(err, conntrack.ErrOverrun) {
				c.t.Errorf("Listening: %v", err)
				return
			}
			c.note(events, time.Now())
		}
	})
}

func (c *clock) note(events []conntrack.Event, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range events {
		if e := &events[i]; e.Kind == conntrack.EventNew && e.Flow.Orig.SrcPort%c.every == 0 {
			c.seen[e.Flow.Orig] = now
		}
	}
}

// lags returns the time between the events of each connection in the two kernels.
func lags(from, to *clock) []time.Duration {
	var all []time.Duration
	for tuple, began := range from.seen {
		if came, ok := to.seen[tuple]; ok {
			all = append(all, came.Sub(began))
		}
	}
	return all
}

func measureLag(t testing.TB, o Options, s system, sample *Sample) {
	const every = 10
	from, to := listen(t, s.network().Primary, every), listen(t, s.network().Secondary, every)
	ctx, cancel := context.WithCancel(t.Context())
	from.run(ctx)
	to.run(ctx)
	table := connections.Open(t, s.network().Primary)
	sample.Made, sample.Reached = createAtRate(t, o, table, sample.Rate)
	sample.Missing = sample.Made - settle(t, s, sample.Made)
	cancel()
	from.done.Wait()
	to.done.Wait()
	sum := figures.Summarize(lags(from, to))
	sample.LagP50, sample.LagP99 = milliseconds(sum.P50), milliseconds(sum.P99)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
