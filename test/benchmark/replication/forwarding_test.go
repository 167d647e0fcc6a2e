package replication

import (
	"strings"
	"testing"
)

func TestReportWantsMoreForwardedThanOthersForward(t *testing.T) {
	sample := func(system string, rate float64) Sample {
		return Sample{Scenario: "forwarding", System: system, Reached: rate}
	}
	report := Report([]Sample{sample(hapair, 60_000), sample(cached, 40_000), sample(direct, 40_000)})
	for _, line := range []string{
		"connections forwarded: 1.50 × that of conntrackd cached, at least 1.30 wanted: met",
		"connections forwarded: 1.50 × that of conntrackd direct, at least 2.00 wanted: MISSED",
	} {
		if !strings.Contains(report, line) {
			t.Errorf("the report lacks %q:\n%s", line, report)
		}
	}
}

func TestDatagramsAreOfDistinctConnections(t *testing.T) {
	seen := map[string]bool{}
	for number := range 3 * sources {
		datagram := make([]byte, datagramSize)
		writeHeader(datagram, number)
		seen[string(datagram)] = true
	}
	if len(seen) != 3*sources {
		t.Errorf("%d of %d are distinct", len(seen), 3*sources)
	}
}
