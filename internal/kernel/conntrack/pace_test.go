package conntrack

import (
	"testing"
	"time"
)

func TestOnlyEventsThatComeQuicklyAreGathered(t *testing.T) {
	for name, test := range map[string]struct {
		events  int           // of each time that the listener wakes up
		between time.Duration // those times
		want    bool
	}{
		"one alone":                     {1, 100 * time.Microsecond, false},
		"a few at once after a while":   {5, 5 * time.Millisecond, false},
		"many at once after a while":    {50, 5 * time.Millisecond, true},
		"a few in quick succession":     {3, pauseTime + 100*time.Microsecond, true},
		"none":                          {0, time.Microsecond, false},
		"one in each of several pauses": {1, pauseTime, false},
	} {
		t.Run(name, func(t *testing.T) {
			var p pace
			now := time.Now()
			for range 4 {
				now = now.Add(test.between)
				p.wokeUp(now)
				p.came(test.events)
			}
			if got := p.pause(now.Add(10 * time.Microsecond)); got != test.want {
				t.Errorf("pauses: %t, want %t", got, test.want)
			}
		})
	}
}
