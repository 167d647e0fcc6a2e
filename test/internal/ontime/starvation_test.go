package ontime_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/internal/ontime"
)

// starved is about half of the time for which real-time threads keep all others from running.
const starved = 500 * time.Millisecond

// Preferred threads whose stacks are scanned all the time do not keep ordinary threads from running.
func TestOrdinaryThreadsRunMeanwhile(t *testing.T) {
	defer ontime.RaiseProcessors()()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	for range 4 * runtime.NumCPU() {
		running.Go(func() { ontime.Every(ctx, 100*time.Microsecond, func() {}) })
	}
	running.Go(func() {
		for ctx.Err() == nil {
			runtime.GC()
		}
	})
	var longest time.Duration
	for last := time.Now(); ctx.Err() == nil; {
		<-time.After(time.Millisecond)
		longest = max(longest, time.Since(last))
		last = time.Now()
	}
	t.Logf("an ordinary goroutine waited at most %v", longest)
	if longest > starved {
		t.Error("preferred threads starve ordinary ones")
	}
}
