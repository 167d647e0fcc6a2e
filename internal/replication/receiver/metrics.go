package receiver

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// Metrics are those of a standby. docs/metrics.md explains each.
type Metrics struct{ applied, refused *prometheus.CounterVec }

// NewMetrics returns metrics that are registered and start at zero.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "hapair", Subsystem: "replication", Name: name, Help: help,
		}, append([]string{"class"}, labels...))
	}
	m := &Metrics{
		applied: counter("applied_total", "Records that this unit wrote as the standby."),
		refused: counter("refused_total", "Records that this unit could not write as the standby, by reason.", "reason"),
	}
	registerer.MustRegister(m.applied, m.refused)
	return m
}

// ClassMetrics are the metrics of one class. They are looked up once, since they are updated for each frame.
type ClassMetrics struct {
	applied prometheus.Counter
	refused [class.Refusals]prometheus.Counter
}

// Class returns the metrics of a class.
func (m *Metrics) Class(id state.Class) *ClassMetrics {
	c := &ClassMetrics{applied: m.applied.WithLabelValues(id.String())}
	for r := range c.refused {
		c.refused[r] = m.refused.WithLabelValues(id.String(), class.Refusal(r).String())
	}
	return c
}

// count adds the outcome of one Apply.
func (c *ClassMetrics) count(changes int, outcome class.Outcome) {
	for r, n := range outcome.Refused {
		c.refused[r].Add(float64(n))
		changes -= n
	}
	c.applied.Add(float64(max(changes, 0))) // An outcome may have refusals of earlier changes.
}
