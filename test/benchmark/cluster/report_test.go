package cluster

import (
	"strings"
	"testing"
	"time"
)

func TestTableHasRowForEachEventAndInterval(t *testing.T) {
	var samples []sample
	for i := range 20 {
		samples = append(samples,
			sample{
				event: "power-off", interval: 100, udp: time.Duration(400+i) * time.Millisecond, tcp: time.Second,
				lost: 500, quiet: i > 2,
			},
			sample{
				event: "switchover", interval: 100, udp: 12 * time.Millisecond, tcp: 13 * time.Millisecond,
				lost: 9, quiet: true,
			},
		)
	}
	got := strings.Split(table(events, []int{100}, samples), "\n")
	for i, want := range []string{
		"power-off, 100 ms 20 409 419 400 419 1000 1000 1000 1000 500 0 0 3",
		"switchover, 100 ms 20 12.0 12.0 12.0 12.0 13.0 13.0 13.0 13.0 9 0 0 0",
	} {
		if line := strings.Join(strings.Fields(got[i+2]), " "); line != want {
			t.Errorf("got  %s\nwant %s", line, want)
		}
	}
	if err := judge(samples); err != nil {
		t.Errorf("good samples are refused: %v", err)
	}
}

func TestJudgeRefusesViolations(t *testing.T) {
	for name, s := range map[string]sample{"a broken connection": {broken: 1}, "two units at once": {violations: 7}} {
		if err := judge([]sample{{}, s}); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
