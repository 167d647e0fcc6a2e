package engine

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/state"
)

func TestFlushClass(t *testing.T) {
	counted(t, func(t *testing.T, b *bed, _ func(string) float64) {
		flush := func(u *unit, id state.Class) (time.Duration, error) {
			start := time.Now()
			err := u.FlushClass(deadline(t), id)
			return time.Since(start), err
		}
		for i := range 20 {
			fill(b.primary.memory, string(rune('a'+i)), 10)
			if _, err := flush(b.primary, state.ConnectionCache); err != nil || !equal(b.primary, b.secondary) {
				t.Fatalf("flush %d: the standby lacks something, or %v", i, err)
			}
		}
		if _, err := flush(b.primary, state.Custom); !errors.Is(err, ErrNoStandby) {
			t.Errorf("a class that the standby does not have: %v", err)
		}
		if _, err := flush(b.secondary, state.ConnectionCache); !errors.Is(err, ErrNoStandby) {
			t.Errorf("on the standby: %v", err)
		}
		b.network.cut()
		eventually(t, "both notice", func() bool { return !b.primary.Status().Connected && !b.secondary.Status().Connected })
		if took, err := flush(b.primary, state.ConnectionCache); !errors.Is(err, ErrNoStandby) || took > 0 {
			t.Errorf("without a standby: %v after %s", err, took)
		}
		b.network.repair()
		eventually(t, "the standby is connected", func() bool { return b.primary.Status().Connected })
		synctest.Wait()
		if b.primary.Status().InSync {
			t.Fatal("the comparison of the tables took no time")
		}
		if took, err := flush(b.primary, state.ConnectionCache); !errors.Is(err, ErrNoStandby) || took > 0 {
			t.Errorf("with a standby that is not in sync: %v after %s", err, took)
		}
	})
}
