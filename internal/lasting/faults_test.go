package lasting_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/lasting"
)

func TestFaultsOfSeveralThings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := lasting.Faults[string]{After: time.Second}
		expect := func(when, want string) {
			t.Helper()
			if got := f.Reported(); got != want {
				t.Errorf("%s: %q, want %q", when, got, want)
			}
		}
		f.Clear() // Nothing is there yet.
		f.Observe("wan", "wan is gone")
		f.Observe("lan", "lan is gone")
		expect("at first", "")
		time.Sleep(time.Second)
		if reported, changed := f.Observe("wan", "wan is gone"); !changed || reported != "wan is gone" {
			t.Errorf("Observe = %q, %t", reported, changed)
		}
		expect("when one has lasted", "wan is gone")
		f.Observe("lan", "lan is gone")
		expect("when both have", "lan is gone; wan is gone")
		if reported, changed := f.Observe("wan", ""); !changed || reported != "" {
			t.Errorf("Observe of a thing that is right = %q, %t", reported, changed)
		}
		expect("when one is right", "lan is gone")
		f.Clear()
		expect("when forgotten", "")
	})
}
