package gate

import (
	"github.com/prometheus/client_golang/prometheus"
)

// dropped describes the packets that never pass from a segment, by kind.
var dropped = prometheus.NewDesc("hapair_gate_dropped_total",
	"Packets from segments that were dropped whether the gate was open or closed, by kind.", []string{"kind"}, nil)

// metrics reads the counters of a gate.
type metrics struct{ gate *Gate }

// NewMetrics registers the metrics of the gate.
func NewMetrics(registerer prometheus.Registerer, g *Gate) { registerer.MustRegister(metrics{g}) }

// Describe implements prometheus.Collector.
func (m metrics) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- dropped }

// Collect implements prometheus.Collector. Counters that cannot be read are left out.
func (m metrics) Collect(values chan<- prometheus.Metric) {
	kinds, err := m.gate.barrier.dropped()
	if err != nil {
		m.gate.log.Error(err, "Reading the counters of the gate")
		return
	}
	for kind, count := range kinds {
		values <- prometheus.MustNewConstMetric(dropped, prometheus.CounterValue, float64(count), kind)
	}
}
