package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// sums returns the metrics of a registry by name: the sum of a counter or gauge, and the count of a histogram.
func sums(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			switch family.GetType() {
			case dto.MetricType_HISTOGRAM:
				all[family.GetName()] += float64(m.Histogram.GetSampleCount())
			case dto.MetricType_GAUGE:
				all[family.GetName()] += m.Gauge.GetValue()
			default:
				all[family.GetName()] += m.Counter.GetValue()
			}
		}
	}
	return all
}

func TestMetrics(t *testing.T) {
	registries := map[string]*prometheus.Registry{}
	for _, unit := range []string{"primary", "secondary"} {
		registries[unit] = prometheus.NewRegistry()
	}
	metered := func(c *Config) { c.Metrics = NewMetrics(registries[c.Unit]) }
	paired(t, metered, func(t *testing.T, b *bed) {
		fill(b.primary.memory, "after", 1000)
		b.primary.memory.Put("bad", "!")
		b.primary.flush(t)
		b.primary.memory.Overrun()
		time.Sleep(time.Minute)
		synctest.Wait()
		active, standby := sums(t, registries["primary"]), sums(t, registries["secondary"])
		// The comparison sends the refused entry again, with the few that share its bucket.
		repaired := active["hapair_replication_repaired_total"]
		if repaired < 1 || repaired > 10 {
			t.Errorf("%v entries were sent again", repaired)
		}
		// 1,000 entries of before, and 1,001 changes.
		sent := 1000 + 1001 + repaired
		for name, want := range map[string]float64{
			"events_total": 1001, "sent_total": sent, "acknowledged_total": sent, "resyncs_total": 1,
			"audits_total": 0, "audit_divergence": 0,
			"queue_entries": 0, "queue_bytes": 0, "connected": 1, "in_sync": 1,
			"applied_total": 0, "refused_total": 0,
		} {
			if got := active["hapair_replication_"+name]; got != want {
				t.Errorf("the active's %s is %v, want %v", name, got, want)
			}
		}
		for name, want := range map[string]float64{
			"applied_total": sent - 2, "refused_total": 2, "sent_total": 0, "connected": 1, "in_sync": 1,
		} {
			if got := standby["hapair_replication_"+name]; got != want {
				t.Errorf("the standby's %s is %v, want %v", name, got, want)
			}
		}
		if active["hapair_replication_lag_seconds"] == 0 || active["hapair_replication_sent_bytes_total"] == 0 {
			t.Errorf("no lag or no bytes: %v", active)
		}
	})
}

func TestCoalescedChangesAreCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	metered := func(c *Config) {
		if c.Unit == "primary" {
			c.Metrics, c.Limits.RecordsPerSecond = NewMetrics(registry), 100
		}
	}
	paired(t, metered, func(t *testing.T, b *bed) {
		for range 1000 {
			b.primary.memory.Put("one", "record")
		}
		// The first change makes the standby equal, so equality does not show that the last was sent.
		if err := b.primary.Flush(deadline(t)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		got := sums(t, registry)
		sent := got["hapair_replication_sent_total"] - 1000 // the entries of before
		if got["hapair_replication_coalesced_total"]+sent != 1000 || sent > 500 {
			t.Errorf("of 1000 changes of one entry %v were sent, and %v merged", sent, got["hapair_replication_coalesced_total"])
		}
	})
}
