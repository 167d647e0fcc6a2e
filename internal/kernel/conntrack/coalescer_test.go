package conntrack

import (
	"testing"
	"time"
)

func TestCoalescerWaitsOnlyWhileEventsComeQuickly(t *testing.T) {
	for name, test := range map[string]struct {
		events  int           // per wake-up of the listener
		between time.Duration // wake-ups
		want    bool
	}{
		"one event alone":            {1, 100 * time.Microsecond, false},
		"a few events after a pause": {5, 5 * time.Millisecond, false},
		"many events after a pause":  {50, 5 * time.Millisecond, true},
		"a few events quickly":       {3, coalesceTime + 100*time.Microsecond, true},
		"no event":                   {0, time.Microsecond, false},
		"one event in each interval": {1, coalesceTime, false},
	} {
		t.Run(name, func(t *testing.T) {
			var c coalescer
			now := time.Now()
			for range 4 {
				now = now.Add(test.between)
				c.recordWakeup(now)
				c.recordEvents(test.events)
			}
			if got := c.isBusy(now.Add(10 * time.Microsecond)); got != test.want {
				t.Errorf("got busy %t, want %t", got, test.want)
			}
		})
	}
}
