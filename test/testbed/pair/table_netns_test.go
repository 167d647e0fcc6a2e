//go:build netns

package pair_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
	table "github.com/hapair-io/hapair/test/testbed/connections"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

const manyFlows = 10_000

// router is a router's connection tracking table.
type router struct {
	t         *testing.T
	namespace *testbed.Namespace
	table     *conntrack.Table
}

func openRouter(t *testing.T, namespace *testbed.Namespace) router {
	t.Helper()
	return router{t: t, namespace: namespace, table: testbed.Open(t, namespace, conntrack.OpenTable)}
}

func (r router) all(operation conntrack.Operation, from, to int) {
	r.t.Helper()
	var requests []conntrack.Request
	for i := from; i < to; i++ {
		requests = append(requests, conntrack.Request{Operation: operation, Flow: table.Flow(i)})
	}
	results, err := r.table.Do(requests, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i, result := range results {
		if result.Err != nil {
			r.t.Fatalf("Flow %d: %v", from+i, result.Err)
		}
	}
}

// tuples returns the connections from the LAN, by both tuples.
func (r router) tuples() map[[2]conntrack.Tuple]conntrack.TCPState {
	r.t.Helper()
	all := map[[2]conntrack.Tuple]conntrack.TCPState{}
	err := r.namespace.Do(func() error {
		return conntrack.Dump(context.Background(), func(f conntrack.Flow) error {
			if netip.MustParsePrefix("192.168.50.0/24").Contains(f.Orig.Src) {
				all[[2]conntrack.Tuple{f.Orig, f.Reply}] = f.TCP.State
			}
			return nil
		})
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

func wantEqual(t *testing.T, a, b router, want int) {
	t.Helper()
	left, right := a.tuples(), b.tuples()
	if len(left) != want || len(right) != want {
		t.Errorf("%d and %d connections, want %d", len(left), len(right), want)
	}
	for tuples, state := range left {
		if got, ok := right[tuples]; !ok || got != state {
			t.Fatalf("%v: state %d and, on the standby, %d (there: %t)", tuples, state, got, ok)
		}
	}
}

func TestTablesBecomeAndStayEqual(t *testing.T) {
	bed := pair.New(t, pair.Options{})
	active, standby := openRouter(t, bed.Primary), openRouter(t, bed.Secondary)
	start := time.Now()
	active.all(conntrack.Create, 0, manyFlows)
	made := time.Since(start)
	bed.Active.Flush()
	t.Logf("%d connections made in %s were written on the standby %s later", manyFlows, made.Round(time.Millisecond),
		(time.Since(start) - made).Round(time.Millisecond))
	wantEqual(t, active, standby, manyFlows)

	active.all(conntrack.Delete, 0, manyFlows/2)
	bed.Active.Flush()
	wantEqual(t, active, standby, manyFlows/2)
}

func TestReturningStandbyIsMadeEqual(t *testing.T) {
	bed := pair.New(t, pair.Options{})
	active, standby := openRouter(t, bed.Primary), openRouter(t, bed.Secondary)
	bed.Standby.Kill()
	active.all(conntrack.Create, 0, manyFlows)
	standby.all(conntrack.Create, manyFlows/2, 2*manyFlows) // half of it is left over from something that has ended
	start := time.Now()
	bed.Standby = bed.Start("secondary")
	bed.Standby.Join(1)
	testbed.Eventually(t, "the standby is in sync", func() bool { return bed.Standby.Status().InSync })
	t.Logf("A started unit had %d connections, and none of %d deleted ones, after %s", manyFlows, manyFlows,
		time.Since(start).Round(time.Millisecond))
	wantEqual(t, active, standby, manyFlows)
}

func TestStandbyKeepsItsTableWithoutASession(t *testing.T) {
	bed := pair.New(t, pair.Options{})
	active, standby := openRouter(t, bed.Primary), openRouter(t, bed.Secondary)
	active.all(conntrack.Create, 0, 1000)
	bed.Active.Flush()
	bed.Primary.Link(t, "sync0").Down()
	testbed.Eventually(t, "the standby detects the loss", func() bool { return !bed.Standby.Status().Connected })
	if n := len(standby.tuples()); n != 1000 {
		t.Errorf("%d connections, want 1000", n)
	}
	active.all(conntrack.Delete, 0, 500)
	active.all(conntrack.Create, 1000, 1200)
	bed.Primary.Link(t, "sync0").Up()
	testbed.Eventually(t, "both are in sync again", func() bool {
		return bed.Standby.Status().InSync && len(standby.tuples()) == 700
	})
	wantEqual(t, active, standby, 700)
}

// TestLag measures how long a connection takes from one kernel to the other.
func TestLag(t *testing.T) {
	bed := pair.New(t, pair.Options{})
	lags := measureLags(t, openRouter(t, bed.Primary), openRouter(t, bed.Secondary), 0, 500, 0)
	t.Logf("From kernel to kernel, one at a time: p50 %s, p99 %s, longest %s",
		percentile(lags, 50), percentile(lags, 99), percentile(lags, 100))
}

// measureLags creates n connections at the active, one at a time with a pause before each. It returns how long each
// took to the standby, sorted.
func measureLags(
	t *testing.T, active, standby router, first, n int, pause time.Duration,
) (lags []time.Duration) {
	t.Helper()
	for i := first; i < first+n; i++ {
		time.Sleep(pause)
		request := []conntrack.Request{{Operation: conntrack.Create, Flow: table.Flow(i)}}
		start := time.Now()
		if _, err := active.table.Do(request, nil); err != nil {
			t.Fatal(err)
		}
		request[0].Operation = conntrack.Get
		testbed.Eventually(t, "the connection is on the standby", func() bool {
			for time.Since(start) < time.Second {
				results, err := standby.table.Do(request, nil)
				if err != nil {
					t.Fatal(err)
				}
				if results[0].Err == nil {
					return true
				}
			}
			return false
		})
		lags = append(lags, time.Since(start))
	}
	slices.Sort(lags)
	return lags
}

// percentile returns one of sorted durations.
func percentile(sorted []time.Duration, percent int) time.Duration {
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)].Round(time.Microsecond)
}
