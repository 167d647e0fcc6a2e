package backoff_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
)

func TestBackoffDoublesUpToItsMaximum(t *testing.T) {
	b := backoff.Backoff{Initial: 50 * time.Millisecond, Max: 150 * time.Millisecond}
	for range 2 {
		for _, want := range []time.Duration{50, 100, 150, 150} {
			if got := b.Next(); got != want*time.Millisecond {
				t.Errorf("got %s, want %d ms", got, want)
			}
		}
		b.Reset()
	}
}

func TestJitterIsBounded(t *testing.T) {
	for range 1000 {
		b := backoff.Backoff{Initial: time.Second, Max: time.Minute, Jitter: 0.5}
		if got := b.Next(); got < time.Second || got > 1500*time.Millisecond {
			t.Fatalf("got %s", got)
		}
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if !backoff.Sleep(t.Context(), time.Second) || time.Since(began) != time.Second {
			t.Errorf("slept %s", time.Since(began))
		}
		wake := make(chan struct{}, 1)
		wake <- struct{}{}
		if !backoff.SleepUntil(t.Context(), time.Hour, wake) || time.Since(began) != time.Second {
			t.Errorf("woke after %s", time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if backoff.Sleep(ctx, time.Hour) || time.Since(began) != time.Minute+time.Second {
			t.Errorf("the context ended after %s", time.Since(began))
		}
	})
}
