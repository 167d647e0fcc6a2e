//go:build netns

package pair_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// TestHeartbeatsAreNotStarvedByReplication sends heartbeats between processes that replicate as fast as they can over
// the same link: a snapshot, and then changes without a pause. A control pair that replicates nothing measures the
// delays of the machine itself. The median of several rounds decides, so that one hiccup of the machine does not.
func TestHeartbeatsAreNotStarvedByReplication(t *testing.T) {
	const (
		entries  = 500_000
		rounds   = 7
		interval = 20 * time.Millisecond
		count    = 100
		missed   = 3
	)
	flooded := pair.New(t, pair.Options{Flood: entries})
	control := pair.New(t, pair.Options{WithoutReplication: true})
	before, start := flooded.Standby.Flood(false), time.Now()
	var silences, controls []time.Duration
	lost := 0
	for range rounds {
		flooded.Standby.TakeReceived()
		control.Standby.TakeReceived()
		result := flooded.Active.SendHeartbeats(interval, count)
		controlResult := control.Active.SendHeartbeats(interval, count)
		flooded.Renew()
		flooded.AwaitSync()
		flooded.Active.Flood(true)
		sent, controlSent := result(), controlResult()
		flooded.Active.Flood(false)
		silences = append(silences, max(sent.Silence, flooded.Standby.TakeReceived().Silence))
		controls = append(controls, max(controlSent.Silence, control.Standby.TakeReceived().Silence))
		lost += sent.Sent - sent.Acknowledged
		t.Logf("With replication: %s. Without: %s", sent, controlSent)
	}
	written, took := flooded.Standby.Flood(false)-before, time.Since(start)
	slices.Sort(silences)
	slices.Sort(controls)
	t.Logf("%d records were replicated in %s, %.0f a second; silences were %s, and %s without; %d of %d were lost",
		written, took.Round(time.Millisecond), float64(written)/took.Seconds(), silences, controls, lost, rounds*count)
	if written < rounds*entries {
		t.Errorf("only %d records were replicated, which is not a flood", written)
	}
	if lost > rounds*count/100 {
		t.Errorf("%d of %d heartbeats were lost", lost, rounds*count)
	}
	// The delays of the machine are not caused by the flood, so they extend the interval.
	allowed := missed * max(interval, controls[rounds/2])
	if silence := silences[rounds/2]; silence > allowed {
		t.Errorf("a silence of %s, allowed are %s", silence, allowed)
	}
}

// TestHeartbeatsSurviveTheSession breaks the session of replication and lets it return with other keys, while
// heartbeats flow in both directions.
func TestHeartbeatsSurviveTheSession(t *testing.T) {
	const (
		interval = 20 * time.Millisecond
		count    = 500
	)
	bed := pair.New(t, pair.Options{})
	bed.Active.Await("PeerConnected")
	result := bed.Active.SendHeartbeats(interval, count)
	bed.Primary.Firewall(t, withoutSession)
	testbed.Eventually(t, "the session has ended on both sides", func() bool {
		return !bed.Active.Status().Connected && !bed.Standby.Status().Connected
	})
	bed.Primary.Firewall(t, "delete table inet session")
	bed.Active.Await("PeerConnected")
	bed.AwaitSync()
	sent := result()
	t.Logf("While the session broke and returned: %s", sent)
	if sent.Acknowledged != sent.Sent {
		t.Errorf("%d of %d heartbeats were not acknowledged", sent.Sent-sent.Acknowledged, sent.Sent)
	}
}

// withoutSession drops all packets of the session.
const withoutSession = `
table inet session {
	chain input {
		type filter hook input priority filter;
		tcp dport 7780 drop
	}
}
`
