package replication

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/connections"
)

// count returns the number of entries in the connection tracking table of a namespace.
func count(t testing.TB, n *testbed.Namespace) int {
	t.Helper()
	entries, err := connections.Count(n)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// createAtRate creates connections at a steady rate. Once per tick, it creates those that are due. It returns their
// number, and the number per second.
func createAtRate(t testing.TB, o Options, table *conntrack.Table, rate int) (made int, reached float64) {
	t.Helper()
	begun := time.Now()
	for next := begun; ; {
		if t.Context().Err() != nil {
			t.Fatal("interrupted")
		}
		for time.Until(next) <= 0 { // ticks that were missed are left out
			next = next.Add(o.Tick)
		}
		sleep(t, time.Until(next))
		elapsed := min(time.Since(begun), o.Lasting)
		due := int(elapsed.Seconds() * float64(rate))
		connections.Create(t, table, made, due-made)
		made = due
		if elapsed == o.Lasting {
			return made, float64(made) / time.Since(begun).Seconds()
		}
	}
}

// sleep sleeps for a time that may be shorter than a millisecond, for which the timers of Go are too coarse.
func sleep(t testing.TB, d time.Duration) {
	t.Helper()
	if d <= 0 {
		return
	}
	ts := unix.NsecToTimespec(d.Nanoseconds())
	if err := unix.Nanosleep(&ts, nil); err != nil && !errors.Is(err, unix.EINTR) {
		t.Fatalf("Sleeping: %v", err)
	}
}

// flush deletes all connections of a table.
func flush(t testing.TB, n *testbed.Namespace) {
	t.Helper()
	var requests []conntrack.Request
	err := n.Do(func() error {
		return conntrack.Dump(t.Context(), func(f conntrack.Flow) error {
			requests = append(requests, conntrack.Request{Operation: conntrack.Delete, Flow: f})
			return nil
		})
	})
	if err == nil {
		_, err = connections.Open(t, n).Do(requests, nil)
	}
	if err != nil {
		t.Fatalf("Emptying the table of %s: %v", n.Name, err)
	}
}
