package sidecar

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// startPaired starts both units and waits until the Lease names the secondary.
func startPaired(t *testing.T, w *witness, l *link) (primary, secondary *life) {
	t.Helper()
	primary, secondary = startBeating(t, w, l, 0), startBeating(t, w, l, 1)
	primary.becomes(t, ha.Active, 2*time.Second)
	secondary.becomes(t, ha.Standby, time.Second)
	time.Sleep(2 * time.Second)
	if r := w.current(); r.Standby != "secondary/uid/1" {
		t.Fatalf("not paired: %+v", r)
	}
	return primary, secondary
}

// A pair does not need the API server as long as both units live and hear each other.
func TestPairOutlastsTheWitness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWitness()
		primary, secondary := startPaired(t, w, &link{})
		w.setAway(true)
		primary.all()
		secondary.all()
		time.Sleep(time.Minute)
		if lines := primary.all(); primary.role() != ha.Active || slices.Contains(lines, "close gate") {
			t.Errorf("the active is %s and did %v", primary.role(), slices.Compact(lines))
		}
		if lines := secondary.all(); len(lines) > 0 {
			t.Errorf("the standby did %v", lines)
		}
	})
}

// Where only the link between them is cut, the active goes on alone, without a gap; and the two pair again after it.
func TestLinkCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, l := newWitness(), &link{}
		primary, secondary := startPaired(t, w, l)
		primary.all()
		l.silence(true)
		time.Sleep(3 * leaseDuration)
		if r := w.current(); r.Holder != "primary/uid/1" || r.Standby != ha.Nobody || r.Term != 1 {
			t.Errorf("lease %+v", r)
		}
		if secondary.role() != ha.Standby || slices.Contains(primary.all(), "close gate") {
			t.Errorf("the other is %s, or the active had a gap", secondary.role())
		}
		l.silence(false)
		time.Sleep(2 * time.Second)
		if r := w.current(); r.Standby != "secondary/uid/1" {
			t.Errorf("not paired again: %+v", r)
		}
	})
}

// A named standby that hears nothing takes the Lease, if the active does not come first: here the witness answers the
// standby alone.
func TestTakeoverBySilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, l := newWitness(), &link{}
		primary, secondary := startPaired(t, w, l)
		w.ignore("primary/uid/1")
		l.silence(true)
		silent := time.Now()
		secondary.becomes(t, ha.Active, time.Second)
		if took := time.Since(silent); took > 460*time.Millisecond {
			t.Errorf("the takeover took %s", took)
		}
		if primary.role() == ha.Active {
			t.Error("two units are active")
		}
		if r := w.current(); r.Cause != ha.CauseSilence || r.Term != 2 {
			t.Errorf("lease %+v", r)
		}
	})
}
