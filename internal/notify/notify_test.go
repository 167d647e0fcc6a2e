package notify_test

import (
	"testing"

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
