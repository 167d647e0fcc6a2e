package testbed

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/poll"
)

// Timeout bounds every wait of a test.
const Timeout = 20 * time.Second

// Pause waits for a duration, and fails if the test ends before.
func Pause(t testing.TB, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-t.Context().Done():
		t.Fatal("interrupted")
	case <-timer.C:
	}
}

// Eventually polls until the condition holds, and fails the test if it does not within Timeout.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), Timeout)
	defer cancel()
	err := poll.Until(ctx, pollInterval, what, func(context.Context) error {
		if !condition() {
			return errNotYet
		}
		return nil
	})
	if err != nil {
		t.Fatalf("Timed out after %s: %s", Timeout, what)
	}
}

// pollInterval is the pause between two checks of a condition.
const pollInterval = 5 * time.Millisecond

var errNotYet = errors.New("the condition does not hold yet")
