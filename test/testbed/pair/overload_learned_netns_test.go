//go:build netns

package pair_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/internal/traffic"
	"github.com/hapair-io/hapair/test/testbed"
)

// TestOverloadLearnedRoutes learns 10,000 routes, and cuts the power of the active. The new active has all of them, and
// removes each when its own protocol has it.
func TestOverloadLearnedRoutes(t *testing.T) {
	testbed.OnlyInOverload(t)
	const wanted = 10_000
	bed := newRouted(t, state.DynamicRouting)
	var lines strings.Builder
	for i := range wanted {
		_, _ = fmt.Fprintf(&lines, "route replace 10.%d.%d.0/24 via 203.0.113.9 dev wan0 onlink ", i/256, i%256)
		lines.WriteString("table 7780 proto bgp metric 20\n")
	}
	batch := filepath.Join(t.TempDir(), "routes")
	if err := os.WriteFile(batch, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	learn := func() time.Duration {
		start := time.Now()
		bed.Active.Router().Run(t, "ip -batch "+batch)
		return time.Since(start).Round(time.Millisecond)
	}
	count := func(of string) int { return strings.Count(of, "via 203.0.113.9 dev wan0") }
	start := time.Now()
	learned := learn()
	bed.Active.Flush()
	t.Logf("learned %d routes in %s; the standby had them %s after the first", wanted, learned,
		time.Since(start).Round(time.Millisecond))
	if got := count(bed.held(bed.Standby)); got != wanted+1 {
		t.Errorf("the standby holds %d routes, want %d", got, wanted+1)
	}
	wantMemory(t, bed.Active, bed.Standby)
	tcp := bed.start(traffic.TCP, learnedHost, 5*time.Millisecond)
	bed.Active.Flush()
	took := bed.Failover()
	tcp.Continues()
	t.Logf("the takeover took %s, the connection had no answer for %s", took.Round(time.Microsecond), tcp.Gap())
	if got := count(bed.held(bed.Active)); got != wanted+1 {
		t.Errorf("the new active holds %d routes, want %d", got, wanted+1)
	}
	start = time.Now()
	bed.learn()
	learned = learn()
	testbed.Eventually(t, "the protocol's routes replace the held ones", func() bool { return bed.held(bed.Active) == "" })
	t.Logf("learned the routes again in %s; none was held %s after the first", learned,
		time.Since(start).Round(time.Millisecond))
	start = time.Now()
	bed.Return()
	t.Logf("the unit that has returned was in sync after %s", time.Since(start).Round(time.Millisecond))
	wantMemory(t, bed.Active, bed.Standby)
}
