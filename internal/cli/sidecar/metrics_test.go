package sidecar

import (
	"testing"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/report"
	"github.com/hapair-io/hapair/internal/heartbeat"
	"github.com/hapair-io/hapair/internal/replication/engine"
)

// A query that selects a pair must find all of its metrics.
func TestEveryMetricNamesPairAndUnit(t *testing.T) {
	m := newMetrics(unit{name: v1alpha1.Secondary}, contract.Settings{Pair: "edge", Namespace: "site-a"})
	heartbeat.NewMetrics(m)
	engine.NewMetrics(m)
	report.NewMetrics(m)
	families, err := m.Gather()
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if labels["pair"] != "edge" || labels["unit"] != "secondary" {
				t.Errorf("metric %s has the labels %v", family.GetName(), labels)
			}
			ours++
		}
	}
	if ours < 20 {
		t.Errorf("only %d metrics were checked", ours)
	}
}
