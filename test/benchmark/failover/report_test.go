package failover

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func sampleOf(v variant, gap time.Duration) Sample {
	return Sample{
		Scenario: "power-off", System: v.system, Setting: v.setting,
		UDP: Milliseconds(gap), TCP: Milliseconds(2 * gap), NoiseUDP: Milliseconds(time.Millisecond),
	}
}

// TestReportJudges has two systems and judges hapair.
func TestReportJudges(t *testing.T) {
	const second = time.Second
	theirs := theirs("0.05", replicationTuned)
	ours := ours(timingFast, theirs.setting, target{
		p50: second, p99: 2 * second, max: 2 * second, ratio: 10, kept: true, noLoss: true,
	})
	s := scenario{name: "power-off", title: "somebody stumbles over a cable", variants: []variant{ours, theirs}}
	samples := []Sample{
		sampleOf(ours, second), sampleOf(ours, second), sampleOf(ours, 3*second), sampleOf(theirs, 9*second),
	}
	samples[1].Lost, samples[1].Resets, samples[1].Late, samples[1].Missing = []string{"TCP"}, 2, 7, 40
	samples[2].Disturbed = 1
	failed := sampleOf(theirs, 0)
	failed.Error = "no cable to stumble over"
	text := strings.Join(strings.Fields(report([]scenario{s}, append(samples, failed))), " ")
	for _, part := range []string{
		"power-off: somebody stumbles over a cable",
		"hapair, 50 ms × 3, grant 225 ms 3 1000 3000 1000 3000 2000 6000 1.0 2/3 40 2 7 0.0 1",
		"2 (1 failed)", "2/3",
		"gap p50 1000 ms, at most 1000 wanted: met",
		"gap p99 3000 ms, at most 2000 wanted: MISSED",
		"longest gap 3000 ms, at most 2000 wanted: MISSED",
		"40 datagrams lost, none wanted: MISSED",
		"connections kept in 2 of 3 runs, 2 resets: MISSED",
		"7 packets forwarded by two at once, none wanted: MISSED",
		"9.0× as long, at least 10× wanted: MISSED",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("the report does not say %q:\n%s", part, text)
		}
	}
}

// Targets without figures are not judged. Otherwise a table without figures could look like a success.
func TestReportIsSilentAboutWhatWasNotMeasured(t *testing.T) {
	if text := report(scenarios(), nil); text != "" {
		t.Errorf("of no runs the report says %q", text)
	}
	for _, s := range scenarios() {
		failed := Sample{Scenario: s.name, System: systemHapair, Setting: s.variants[0].setting, Error: "no cable"}
		text := report(scenarios(), []Sample{failed})
		if !strings.Contains(text, s.title) || !strings.Contains(text, "1 (1 failed)") {
			t.Errorf("of a run that failed the report says\n%s", text)
		}
		for _, word := range []string{" met", "MISSED"} {
			if strings.Contains(text, word) {
				t.Errorf("of a run that failed the report says %q:\n%s", word, text)
			}
		}
	}
}

func TestProgressTellsWhatWentWrong(t *testing.T) {
	s := sampleOf(ours(timingFast, "", target{}), time.Second)
	s.Lost, s.Resets, s.Late, s.Overlap = []string{"TCP", "UDP"}, 1, 3, Milliseconds(40*time.Millisecond)
	for _, part := range []string{"gap 1000", "broken TCP+UDP", "RST 1", "late 3 packets over 40.0"} {
		if !strings.Contains(s.String(), part) {
			t.Errorf("%q does not say %q", s, part)
		}
	}
	s.Error = "no cable"
	if !strings.HasSuffix(s.String(), "FAILED: no cable") {
		t.Errorf("got %q", s)
	}
}

func TestRawFiguresAreMilliseconds(t *testing.T) {
	text, err := json.Marshal(sampleOf(ours(timingFast, "", target{}), 1500*time.Microsecond))
	if err != nil || !strings.Contains(string(text), `"udp":1.500,`) || !strings.Contains(string(text), `"tcp":3.000,`) {
		t.Errorf("got %s, %v", text, err)
	}
}

// Each setting is compared with another one of the same scenario.
func TestScenariosCompareWithWhatTheyMeasure(t *testing.T) {
	for _, s := range scenarios() {
		settings := map[string]bool{}
		for _, v := range s.variants {
			if settings[v.system+v.setting] {
				t.Errorf("%s has %s, %s twice", s.name, v.system, v.setting)
			}
			settings[v.system+v.setting] = true
		}
		for _, v := range s.variants {
			if v.against != "" && !settings[systemKeepalived+v.against] {
				t.Errorf("%s compares with %s, which it does not measure", s.name, v.against)
			}
		}
	}
}
