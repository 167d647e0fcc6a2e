package ontime_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/internal/ontime"
)

func TestEveryKeepsItsPace(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	const interval, calls = 2 * time.Millisecond, 50
	var done sync.WaitGroup
	begun, n := time.Now(), 0
	done.Go(func() {
		ontime.Every(ctx, interval, func() {
			if n++; n == calls {
				cancel()
			}
		})
	})
	done.Wait()
	if n != calls {
		t.Errorf("called %d times, though it was to end after %d", n, calls)
	}
	if took := time.Since(begun); took < (calls-1)*interval {
		t.Errorf("%d calls came in %v", calls, took)
	}
}

func TestCallsThatAreLateAreLeftOut(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	var at []time.Time
	done.Go(func() {
		ontime.Every(ctx, 10*time.Millisecond, func() {
			at = append(at, time.Now())
			switch len(at) {
			case 1:
				late := time.NewTimer(55 * time.Millisecond)
				<-late.C
			case 4:
				cancel()
			}
		})
	})
	done.Wait()
	if pause := at[3].Sub(at[1]); pause < 15*time.Millisecond {
		t.Errorf("two calls were made up for in %v", pause)
	}
}
