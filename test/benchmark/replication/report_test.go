package replication

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
)

func TestReportJudgesByMedians(t *testing.T) {
	samples := []Sample{
		{Scenario: "events", System: hapair, Round: 1, Rate: 1000, CPU: 7, Bytes: 40},
		{Scenario: "events", System: hapair, Round: 2, Rate: 1000, CPU: 90, Bytes: 40},
		{Scenario: "events", System: hapair, Round: 3, Rate: 1000, CPU: 5, Bytes: 40},
		{Scenario: "events", System: cached, Round: 1, Rate: 1000, CPU: 14, Bytes: 100},
		{Scenario: "events", System: direct, Round: 1, Rate: 1000, CPU: 20, Bytes: 100},
	}
	report := Report(samples)
	for _, line := range []string{
		"CPU at 1000/s: 0.50 × that of conntrackd cached, at most 0.60 wanted: met",
		"CPU at 1000/s: 0.35 × that of conntrackd direct, at most 0.25 wanted: MISSED",
		"bytes a record at 1000/s: 0.40 × that of conntrackd cached, at most 0.50 wanted: met",
		"7.0 (5.0–90.0)",
	} {
		if !strings.Contains(report, line) {
			t.Errorf("the report lacks %q:\n%s", line, report)
		}
	}
	if strings.Contains(report, "resync") {
		t.Errorf("the report has a table of what was not measured:\n%s", report)
	}
}

func TestReportJudgesHapairAloneByItsWorstRound(t *testing.T) {
	good := Sample{
		Scenario: "overload", System: hapair, Case: cutLink, Recovered: 1, Forwarded: 1, Peak: [2]float64{20, 20},
	}
	slow, lossy := good, good
	slow.Recovered, slow.Forwarded = 7, 0.9
	lossy.Case, lossy.Missing = lossyLink, 3
	theirs := Sample{Scenario: "overload", System: cached, Case: lossyLink, Missing: 9}
	report := Report([]Sample{good, slow, good, lossy, theirs})
	for _, line := range []string{
		"seconds until the standby has everything, link down: 7.00, at most 5.00 wanted: MISSED",
		"forwarded traffic, of that before, link down: 0.90, at least 0.95 wanted: MISSED",
		"missing, link down: 0.00, at most 0.00 wanted: met",
		"missing, 10 % loss: 3.00, at most 0.00 wanted: MISSED",
		"memory of the active, MiB, link down: 20.00, at most 64.00 wanted: met",
	} {
		if !strings.Contains(report, line) {
			t.Errorf("the report lacks %q:\n%s", line, report)
		}
	}
}

func TestProcessesTellWhatTheyTook(t *testing.T) {
	before, err := testbed.ProcessorTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for begun := time.Now(); time.Since(begun) < 100*time.Millisecond; {
		_ = strings.Repeat("x", 1000)
	}
	after, err := testbed.ProcessorTime(os.Getpid())
	if err != nil || after <= before || after > before+10*time.Second {
		t.Errorf("%s before, %s after, %v", before, after, err)
	}
	if m, err := testbed.MemoryOf(os.Getpid()); err != nil || m.Resident < 1<<20 || m.Resident > m.Peak || m.Peak > 1<<32 {
		t.Errorf("%+v, %v", m, err)
	}
	const nobody = 1 << 23 // beyond what the kernel numbers processes with
	if _, err := testbed.ProcessorTime(nobody); err == nil {
		t.Error("no process has a processor's time")
	}
}
