//go:build netns

package pair_test

import (
	"os"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
	table "github.com/hapair-io/hapair/test/testbed/connections"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// longVariable makes the soak long. The short one only shows that everything works.
const longVariable = "HAPAIR_LONG"

// soak is the duration of the warm-up, of the soak, and between switchovers.
type soak struct{ warmUp, duration, interval time.Duration }

func soakOf() soak {
	if os.Getenv(longVariable) != "" {
		return soak{warmUp: 30 * time.Second, duration: 10 * time.Minute, interval: 45 * time.Second}
	}
	return soak{warmUp: 4 * time.Second, duration: 6 * time.Second, interval: 2 * time.Second}
}

const (
	soakRate = 5_000
	soakLive = 20_000
	// Memory may grow by a quarter and some MiB, because the runtime keeps more than is used.
	memorySlack = 8 << 20
)

// TestNothingGrows replaces connections for a long time, with a switchover now and then. Afterwards both units must
// have the same connections, and hold no more resources than after the warm-up.
func TestNothingGrows(t *testing.T) {
	s := soakOf()
	bed := pair.New(t, pair.Options{})
	live := table.Span{End: soakLive}
	table.Create(t, table.Open(t, bed.Primary), 0, live.Len())

	live = replaceConnections(t, bed, live, s.warmUp, s.interval)
	before := map[string]pair.Footprint{bed.Active.Name: bed.Active.Measure(), bed.Standby.Name: bed.Standby.Measure()}
	live = replaceConnections(t, bed, live, s.duration, s.interval)

	for _, unit := range []*pair.Unit{bed.Active, bed.Standby} {
		after := unit.Measure()
		t.Logf("%s: after the warm-up %s, at the end %s", unit.Name, before[unit.Name], after)
		compareFootprints(t, unit.Name, before[unit.Name], after)
	}
	t.Logf("%d connections were made", live.End)
}

// replaceConnections returns the connections that exist at its end. The same router is then active as at its beginning,
// because the resources of a unit depend on its role.
func replaceConnections(
	t *testing.T, bed *pair.Pair, live table.Span, duration, interval time.Duration,
) table.Span {
	t.Helper()
	active := bed.Active
	for begun := time.Now(); time.Since(begun) < duration || bed.Active != active; {
		churn := table.Begin(t, activeNamespace(bed), live, soakRate)
		testbed.Pause(t, min(interval, duration/2))
		var reached float64
		if live, reached = churn.End(t); reached < soakRate/2 {
			t.Errorf("Only %.0f connections a second were made: the load was too low", reached)
		}
		bed.Active.Flush()
		expectEqual(t, bed, live)
		bed.Switchover()
		bed.AwaitSync()
	}
	expectEqual(t, bed, live)
	return live
}

// activeNamespace returns the namespace of the active router.
func activeNamespace(bed *pair.Pair) *testbed.Namespace {
	if bed.Active.Name == "primary" {
		return bed.Primary
	}
	return bed.Secondary
}

// expectEqual fails the test unless both routers have these connections, and none that was deleted.
func expectEqual(t *testing.T, bed *pair.Pair, live table.Span) {
	t.Helper()
	for name, router := range map[string]*testbed.Namespace{"primary": bed.Primary, "secondary": bed.Secondary} {
		if missing, surplus := table.Compare(t, router, live); missing != 0 || surplus != 0 {
			t.Fatalf("The %s lacks %d of %d connections, and has %d deleted ones", name, missing, live.Len(), surplus)
		}
	}
}

func compareFootprints(t *testing.T, name string, before, after pair.Footprint) {
	t.Helper()
	if after.Goroutines > before.Goroutines {
		t.Errorf("The %s has %d goroutines, and had %d after the warm-up", name, after.Goroutines, before.Goroutines)
	}
	if after.Files > before.Files {
		t.Errorf("The %s has %d files open, and had %d after the warm-up", name, after.Files, before.Files)
	}
	if most := before.Resident + before.Resident/4 + memorySlack; after.Resident > most {
		t.Errorf("The %s has %d bytes, and had %d after the warm-up", name, after.Resident, before.Resident)
	}
}
