package notify_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/notify"
)

func TestSignalHoldsOneNotification(t *testing.T) {
	s := notify.New()
	s.Notify()
	s.Notify()
	<-s
	select {
	case <-s:
		t.Error("two notifications before a receive count as two")
	default:
	}
	s.Notify()
	<-s
}

// What fails to follow is called again after the pause. The signal is set then, since changes may have been missed.
func TestFollowTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s, broken, failures := notify.New(), errors.New("broken"), 0
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.Follow(ctx, func(ctx context.Context, changed func()) error {
				if failures < 2 {
					return broken
				}
				<-ctx.Done()
				return ctx.Err()
			}, time.Second, func(err error) {
				if failures++; !errors.Is(err, broken) {
					t.Errorf("failed with %v", err)
				}
			})
		}()
		began := time.Now()
		for want := range 2 {
			<-s
			if took := time.Since(began); took != time.Duration(want+1)*time.Second {
				t.Errorf("signal %d after %s", want, took)
			}
		}
		cancel()
		<-ended
		if failures != 2 {
			t.Errorf("%d failures", failures)
		}
	})
}

// A watch looks at once and at its own intervals. Signals that come together cost one look. There is a pause between
// two looks however many come.
func TestWatchBoundsItsLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s, looks, ended := notify.New(), 0, make(chan struct{})
		go func() {
			defer close(ended)
			s.Watch(ctx, func() time.Duration { looks++; return time.Second })
		}()
		expect := func(after time.Duration, low, high int) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if looks < low || looks > high {
				t.Errorf("%d looks, want %d to %d", looks, low, high)
			}
			looks = 0
		}
		expect(500*time.Millisecond, 1, 1)
		expect(time.Second, 1, 1)
		for range 1000 {
			s.Notify()
			time.Sleep(time.Millisecond)
		}
		expect(0, 10, 1000/50)
		expect(100*time.Millisecond, 0, 1)
		cancel()
		<-ended
	})
}

func TestRelayPassesItemsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		from, to := notify.New(), notify.New()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			to.Relay(ctx, from)
		}()
		for range 2 {
			from.Notify()
			<-to
		}
		cancel()
		<-ended
	})
}
