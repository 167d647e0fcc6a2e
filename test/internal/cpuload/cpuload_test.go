package cpuload

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	busy, steal, err := parse([]byte("cpu  10 20 30 4000 500 6 7 8 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n"))
	if err != nil || busy != 10+20+30+6+7+8 || steal != 8 {
		t.Errorf("got %d, %d, %v", busy, steal, err)
	}
	for _, text := range []string{"", "cpu 1 2 3", "intr 1 2 3 4 5 6 7 8 9", "cpu a 2 3 4 5 6 7 8"} {
		if _, _, err := parse([]byte(text)); err == nil {
			t.Errorf("%q was parsed", text)
		}
	}
}

func TestLoadIsInProcessors(t *testing.T) {
	start := time.Now()
	before := Usage{at: start, busy: 1000, steal: 10}
	after := Usage{at: start.Add(2 * time.Second), busy: 1300, steal: 60}
	if got := after.Since(before); got != (Load{Busy: 1.5, Steal: 0.25}) {
		t.Errorf("got %+v", got)
	}
	if got := before.Since(before); got != (Load{}) {
		t.Errorf("without time passing: %+v", got)
	}
}

func TestWaitGivesUp(t *testing.T) {
	if _, err := Wait(t.Context(), 0, 0); !errors.Is(err, ErrBusy) { // the load is never below 0
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Wait(ctx, 0, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if waited, err := Wait(t.Context(), 1<<20, time.Hour); err != nil || waited < window {
		t.Errorf("waited %s, %v", waited, err)
	}
}
