package lasting_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/lasting"
)

func TestFaultIsReportedOnceItHasLasted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := lasting.Fault{After: time.Second}
		for i, step := range []struct {
			wait          time.Duration
			now, reported string
			present       bool
		}{
			{0, "", "", false},
			{0, "missing", "", true},
			{999 * time.Millisecond, "missing", "", true},
			{0, "", "", false}, // It was put right in time.
			{0, "missing", "", true},
			{time.Second, "missing", "missing", true},
			{0, "another", "another", true},
			{0, "", "", false},
		} {
			time.Sleep(step.wait)
			before := f.Reported()
			changed := f.Observe(step.now)
			if got := f.Reported(); got != step.reported || changed != (got != before) || f.IsPresent() != step.present {
				t.Errorf("step %d: %q, changed %t, present %t", i, got, changed, f.IsPresent())
			}
		}
	})
}
