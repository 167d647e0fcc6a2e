package replication

import (
	"strings"
	"testing"
)

func TestReportComparesPromotionsBySize(t *testing.T) {
	sample := func(name string, took float64) Sample {
		return Sample{Scenario: "promotion", System: hapair, Case: name, Promoted: took}
	}
	for took, verdict := range map[float64]string{11: "met", 13: "MISSED"} {
		report := Report([]Sample{sample(few, 10), sample(many, took)})
		if line := "time to take over, many connections: "; strings.Count(report, line) != 1 ||
			!strings.Contains(report, "at most 1.20 wanted: "+verdict) {
			t.Errorf("%.0f ms compared to 10 ms is not %s:\n%s", took, verdict, report)
		}
	}
	if report := Report([]Sample{sample(many, 5)}); strings.Contains(report, "time to take over") {
		t.Errorf("it is compared with nothing:\n%s", report)
	}
}
