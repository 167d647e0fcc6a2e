//go:build netns

package pair_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// TestOverloadDynamicElements adds 10,000 addresses to an object, and cuts the power of the active. The new active has
// all of them, with the time that is left.
func TestOverloadDynamicElements(t *testing.T) {
	testbed.OnlyInOverload(t)
	const wanted, batch = 10_000, 1000
	bed := newBlocking(t, state.DynamicAddressObjects)
	start := time.Now()
	for first := 0; first < wanted; first += batch {
		var lines strings.Builder
		for i := first; i < first+batch; i++ {
			_, _ = fmt.Fprintf(&lines, `{"type":"Put","key":"blocked/198.18.%d.%d","value":{},"life":600}`+"\n", i/256, i%256)
		}
		answer := members(t, bed.Active, "?term=1&durable=5", "--request", "POST", "--data-binary", lines.String())
		if !strings.Contains(answer, `"durable":true`) {
			t.Fatalf("adding elements from %d: %s", first, answer)
		}
	}
	added, had := time.Since(start), len(lives(t, bed.Active))
	wantMemory(t, bed.Active, bed.Standby)
	took := bed.Failover()
	survived, left := lives(t, bed.Active), 600-time.Since(start).Seconds()
	t.Logf("added %d elements in %v; %d of %d survived; the takeover took %v", had, added.Round(time.Millisecond),
		len(survived), wanted, took.Round(time.Microsecond))
	if had != wanted || len(survived) != wanted {
		t.Errorf("the former active had %d elements and the new one has %d, want %d", had, len(survived), wanted)
	}
	for key, life := range survived {
		if life < left-1 || life > 601 {
			t.Fatalf("%s has %.1f seconds left, want %.1f to 600", key, life, left)
		}
	}
}
