package replication

import (
	"strings"
	"testing"
)

func TestReportJudgesHostsByTheirBytes(t *testing.T) {
	sample := func(system, name string, bytes float64) Sample {
		return Sample{Scenario: "hosts", System: system, Case: name, Bytes: bytes}
	}
	report := Report([]Sample{
		sample(hapair, setUp, 120), sample(cached, setUp, 260),
		sample(hapair, openedAndClosed, 300), sample(cached, openedAndClosed, 500),
	})
	for _, line := range []string{
		"bytes a connection, set up: 0.46 × that of conntrackd cached, at most 0.50 wanted: met",
		"bytes a connection, opened and closed: 0.60 × that of conntrackd cached, at most 0.50 wanted: MISSED",
	} {
		if !strings.Contains(report, line) {
			t.Errorf("the report lacks %q:\n%s", line, report)
		}
	}
}
