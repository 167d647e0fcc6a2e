package replication

import (
	"strings"
	"testing"
)

func TestReportTellsTheDistanceFromTheKernel(t *testing.T) {
	report := Report([]Sample{
		{Scenario: "events", System: hapair, Rate: 1000, CPU: 15},
		{Scenario: "events", System: direct, Rate: 1000, CPU: 20},
		{Scenario: "limits", System: kernel, Receive: 1.5, Write: 3.5},
	})
	for _, line := range []string{
		"CPU of hapair at 1000/s: 15.00 µs, 3.0 × the kernel's own 5.00",
		"CPU of conntrackd direct at 1000/s: 20.00 µs, 4.0 × the kernel's own 5.00",
	} {
		if !strings.Contains(report, line) {
			t.Errorf("the report lacks %q:\n%s", line, report)
		}
	}
}
