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
