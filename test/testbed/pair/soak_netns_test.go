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

// longVariable makes the soak long. Without it, it is short, and sees only that all of it works.
const longVariable = "HAPAIR_LONG"

// soak is how long connections come and go, and how often the routers change places meanwhile.
type soak struct{ warming, lasting, between time.Duration }

func soakOf() soak {
	if os.Getenv(longVariable) != "" {
		return soak{warming: 30 * time.Second, lasting: 10 * time.Minute, between: 45 * time.Second}
	}
	return soak{warming: 4 * time.Second, lasting: 6 * time.Second, between: 2 * time.Second}
}

const (
	soakRate = 5_000
	soakLive = 20_000
	// Memory may grow by a quarter and some MiB: how much of it the runtime keeps is not exactly what is used.
	memorySlack = 8 << 20
)

// TestNothingGrows lets connections come and go for long, and the routers change places now and then. Then both have
// the same connections, and hold on to no more than when they were warm.
func TestNothingGrows(t *testing.T) {
	s := soakOf()
	bed := pair.New(t, pair.Options{})
	live := table.Span{End: soakLive}
	table.Create(t, table.Open(t, bed.Primary), 0, live.Len())

	live = comeAndGo(t, bed, live, s.warming, s.between)
	before := map[string]pair.Footprint{bed.Active.Name: bed.Active.Measure(), bed.Standby.Name: bed.Standby.Measure()}
	live = comeAndGo(t, bed, live, s.lasting, s.between)

	for _, unit := range []*pair.Unit{bed.Active, bed.Standby} {
		after := unit.Measure()
		t.Logf("%s: warm %s, afterwards %s", unit.Name, before[unit.Name], after)
		compareFootprints(t, unit.Name, before[unit.Name], after)
	}
	t.Logf("%d connections were made", live.End)
}

// comeAndGo returns the connections that live at its end, when the same router is active as at its beginning: what the
// units hold on to depends on their roles.
func comeAndGo(
	t *testing.T, bed *pair.Pair, live table.Span, lasting, between time.Duration,
) table.Span {
	t.Helper()
	active := bed.Active
	for begun := time.Now(); time.Since(begun) < lasting || bed.Active != active; {
		churn := table.Begin(t, namespaceOf(bed), live, soakRate)
		testbed.Pause(t, min(between, lasting/2))
		var reached float64
		if live, reached = churn.End(t); reached < soakRate/2 {
			t.Errorf("Only %.0f connections a second were made: this proves little", reached)
		}
		bed.Active.Flush()
		haveEqual(t, bed, live)
		bed.Switchover()
		bed.AwaitSync()
	}
	haveEqual(t, bed, live)
	return live
}

// namespaceOf is the active's router.
func namespaceOf(bed *pair.Pair) *testbed.Namespace {
	if bed.Active.Name == "primary" {
		return bed.Primary
	}
	return bed.Secondary
}

// haveEqual fails the test unless both routers have these connections, and none of those before.
func haveEqual(t *testing.T, bed *pair.Pair, live table.Span) {
	t.Helper()
	for name, router := range map[string]*testbed.Namespace{"primary": bed.Primary, "secondary": bed.Secondary} {
		if missing, surplus := table.Compare(t, router, live); missing != 0 || surplus != 0 {
			t.Fatalf("The %s lacks %d of %d connections, and has %d that ended", name, missing, live.Len(), surplus)
		}
	}
}

func compareFootprints(t *testing.T, name string, before, after pair.Footprint) {
	t.Helper()
	if after.Goroutines > before.Goroutines {
		t.Errorf("The %s has %d goroutines, and had %d when it was warm", name, after.Goroutines, before.Goroutines)
	}
	if after.Files > before.Files {
		t.Errorf("The %s has %d files open, and had %d when it was warm", name, after.Files, before.Files)
	}
	if most := before.Resident + before.Resident/4 + memorySlack; after.Resident > most {
		t.Errorf("The %s has %d bytes, and had %d when it was warm", name, after.Resident, before.Resident)
	}
}
