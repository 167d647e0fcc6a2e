package replication

import (
	"testing"
	"time"

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

// createAtRate creates connections at a steady rate. It returns their number, and the number per second.
func createAtRate(t testing.TB, table *conntrack.Table, rate int, lasting time.Duration) (made int, reached float64) {
	t.Helper()
	const tick = 5 * time.Millisecond
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	begun := time.Now()
	for {
		select {
		case <-t.Context().Done():
			t.Fatal("interrupted")
		case <-ticker.C:
		}
		elapsed := min(time.Since(begun), lasting)
		due := int(elapsed.Seconds() * float64(rate))
		connections.Create(t, table, made, due-made)
		made = due
		if elapsed == lasting {
			return made, float64(made) / time.Since(begun).Seconds()
		}
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
