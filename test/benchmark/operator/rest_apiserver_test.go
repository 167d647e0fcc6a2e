//go:build apiserver

package operator

import (
	"path/filepath"
	"testing"
	"time"
)

// TestPairsAtRestCostNothing looks at the real operator for as long as something that it does now and then might take
// to show: to look again by the clock, to begin a watch anew, to renew what is still good.
func TestPairsAtRestCostNothing(t *testing.T) {
	bin, err := filepath.Abs("../../../bin")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Rest: 10 * time.Minute, Renewal: time.Second, Patience: 5 * time.Minute, Bin: bin, Progress: t.Output()}
	m := newMeasurement(t, o, 20)
	m.converge(t.Context())
	if m.sample.WritesCreated == 0 {
		t.Fatal("The operator made 20 pairs without a write, so that none would be seen")
	}
	m.rest(t.Context())
	t.Logf("%.0f renewals a second meanwhile", m.sample.Renewals)
	if m.sample.Renewals < 10 {
		t.Error("The units hardly renewed their Leases, so that nothing was seen of what renewals cost")
	}
	if m.sample.RestWrites > 0 || m.sample.RestReconciles > 0 {
		t.Errorf("At rest the operator wrote %d times and reconciled %d times, want neither: see the logs in %s",
			m.sample.RestWrites, m.sample.RestReconciles, m.directory)
	}
}
