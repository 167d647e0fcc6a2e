package replication

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
)

// clock notes when a kernel tells of new connections.
type clock struct {
	t        testing.TB
	listener *conntrack.Listener
	every    uint16
	done     sync.WaitGroup

	mu   sync.Mutex
	seen map[conntrack.Tuple]time.Time
}

// listen notes one connection in so many of a namespace.
func listen(t testing.TB, n *testbed.Namespace, every uint16) *clock {
	t.Helper()
	c := &clock{t: t, every: every, seen: map[conntrack.Tuple]time.Time{}}
	err := n.Do(func() (err error) {
		c.listener, err = conntrack.Listen()
		return err
	})
	if err != nil {
		t.Fatalf("Listening in %s: %v", n.Name, err)
	}
	return c
}

// run notes until the context ends.
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

// lags are how long after the one kernel the other one told of each connection.
func lags(from, to *clock) []time.Duration {
	var all []time.Duration
	for tuple, began := range from.seen {
		if came, ok := to.seen[tuple]; ok {
			all = append(all, came.Sub(began))
		}
	}
	return all
}

func interfaceBytes(name string) (uint64, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return 0, err
	}
	s := link.Attrs().Statistics
	return s.RxBytes + s.TxBytes, nil
}
