//go:build apiserver

package operator

import (
	"path/filepath"
	"testing"
	"time"
)

// TestPairsAtRestCostNothing watches the real operator long enough to see what it does rarely: reconciles by the clock,
// new watches, and renewals of certificates that are still valid.
func TestPairsAtRestCostNothing(t *testing.T) {
	bin, err := filepath.Abs("../../../bin")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Rest: 10 * time.Minute, Renewal: time.Second, Patience: 5 * time.Minute, Bin: bin, Progress: t.Output()}
	m := newMeasurement(t, o, 20)
	m.converge(t.Context())
	if m.sample.WritesCreated == 0 {
		t.Fatal("The operator created 20 pairs without a write, so the count of writes does not work")
	}
	m.rest(t.Context())
	t.Logf("%.0f renewals a second meanwhile", m.sample.Renewals)
	if m.sample.Renewals < 10 {
		t.Error("The units renewed their Leases too rarely to see what renewals cost")
	}
	if m.sample.RestWrites > 0 || m.sample.RestReconciles > 0 {
		t.Errorf("At rest the operator wrote %d times and reconciled %d times, want neither: see the logs in %s",
			m.sample.RestWrites, m.sample.RestReconciles, m.directory)
	}
}
