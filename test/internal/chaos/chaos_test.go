package chaos

import (
	"slices"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/hapair-io/hapair/test/internal/tracer"
)

func TestStationsOfAPod(t *testing.T) {
	const good = `[{"name":"cluster","interface":"eth0","mac":"02:00:00:00:00:01"},` +
		`{"name":"default/lan","interface":"lan","mac":"02:00:00:00:00:02"},` +
		`{"name":"default/wan","interface":"wan","mac":"02:00:00:00:00:03"}]`
	got, err := stationsOf(good)
	if err != nil || got.lan != (tracer.Station{2, 0, 0, 0, 0, 2}) || got.wan != (tracer.Station{2, 0, 0, 0, 0, 3}) {
		t.Errorf("%v, %v", got, err)
	}
	for name, status := range map[string]string{
		"a pod that is being created": "", "another format": "{}",
		"no WAN":       `[{"interface":"lan","mac":"02:00:00:00:00:02"}]`,
		"no address":   strings.ReplaceAll(good, "02:00:00:00:00:03", ""),
		"another kind": strings.ReplaceAll(good, "02:00:00:00:00:03", "02:00:00:00:00:00:00:03"),
	} {
		if got, err := stationsOf(status); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestHoldersAreThoseOfTheLease(t *testing.T) {
	w := &leaseWatcher{}
	for _, record := range []struct {
		holder string
		term   int32
	}{
		{"primary/a/1", 3},
		{"primary/a/1", 3}, // renewed
		{"secondary/b/1", 4},
		{"", 4},              // released
		{"secondary/b/2", 5}, // the same unit, another process
		{"primary/a/2", 8},   // two were not seen
	} {
		w.record(&coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{
			HolderIdentity: &record.holder, LeaseTransitions: &record.term,
		}})
	}
	w.record(&coordinationv1.Lease{})
	want := []tracer.Holder{
		{Unit: "primary", Term: 3},
		{Unit: "secondary", Term: 4},
		{Unit: "secondary", Term: 5},
		{Term: 6},
		{Term: 7},
		{Unit: "primary", Term: 8},
	}
	if got := w.list(); !slices.Equal(got, want) {
		t.Errorf("holders %v, want %v", got, want)
	}
	if got := terms(w.list()); got != 5 {
		t.Errorf("%d terms have passed", got)
	}
	for term := int32(10); term < 10_000; term += 10 {
		holder := "primary/a/" + strings.Repeat("x", int(term%7)+1)
		w.record(&coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseTransitions: &term}})
	}
	if n := len(w.list()); n > maxHolders {
		t.Errorf("%d holders are stored", n)
	}
}

func TestReportPrintsWhatMatters(t *testing.T) {
	begun := time.Unix(1_800_000_000, 0)
	at := func(seconds float64) time.Time { return begun.Add(time.Duration(seconds * float64(time.Second))) }
	r := Report{
		Title: "survives it", Begun: begun, Marks: []Mark{{At: at(1), What: "power-off of worker-1"}},
		Stream: tracer.StreamStats{
			Received: 900, Lost: 100, Longest: tracer.Gap{From: at(1), Length: 450 * time.Millisecond},
		},
		Connections: 8, Survived: 7,
		Forwarders: []Forwarder{
			{Unit: "primary", Segment: tracer.Segment{First: at(0), Last: at(1), Packets: 500}},
			{Unit: "secondary", Segment: tracer.Segment{First: at(1.45), Last: at(3), Packets: 400}},
		},
		Holders: []tracer.Holder{{Unit: "primary", Term: 1}, {Unit: "secondary", Term: 2}},
	}
	for range 100 {
		r.Violations = append(r.Violations, tracer.Violation{Verdict: tracer.WithoutLease, At: at(2), Detail: "primary"})
	}
	if r.Takeovers() != 1 || r.Terms() != 1 {
		t.Errorf("%d takeovers in %d terms", r.Takeovers(), r.Terms())
	}
	var text strings.Builder
	r.Print(&text)
	for _, want := range []string{
		"survives it", "+0.000 s  power-off of worker-1", "longest gap 450.0 ms, 100 packets lost of 1000",
		"7 of 8 connections survived", "secondary  +0.450 s to  +2.000 s  400 packets", "secondary term 2",
		"VIOLATIONS: 100", "and 88 more",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report does not contain %q:\n%s", want, text.String())
		}
	}
}

func TestRoundsAreCountedByWhatTheFaultsExplain(t *testing.T) {
	calm, takeover := Outcome{Gap: 3 * time.Millisecond}, Outcome{Provoked: 1, Changes: 1, Gap: 400 * time.Millisecond}
	for name, c := range map[string]struct {
		outcomes []Outcome
		line     string
	}{
		"as expected": {[]Outcome{calm, takeover, {Provoked: 1}}, "1 3 0 2 1 0 3.0 ms 400.0 ms"},
		"one change too many in a takeover": {
			[]Outcome{takeover, {Provoked: 1, Changes: 2, Failed: true}}, "1 2 1 2 3 1 0.0 ms 400.0 ms",
		},
		"a change without a fault that explains it": {[]Outcome{calm, {Changes: 1}}, "1 2 0 0 1 1 3.0 ms 0.0 ms"},
		"a change between two faults":               {[]Outcome{takeover, {Before: 2}}, "1 2 0 1 3 2 0.0 ms 400.0 ms"},
	} {
		t.Run(name, func(t *testing.T) {
			round, err := BeginRound()
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range c.outcomes {
				if err := round.Add(o); err != nil {
					t.Fatal(err)
				}
			}
			var text strings.Builder
			PrintRounds(&text, []*Round{round})
			lines := strings.Split(text.String(), "\n")
			if got := strings.Join(strings.Fields(lines[1]), " "); !strings.HasPrefix(got, c.line) {
				t.Errorf("got  %s\nwant %s", got, c.line)
			}
		})
	}
}
