package clock

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count stops of the machine. docs/metrics.md has the meaning of each.
type Metrics struct {
	stops, seconds prometheus.Counter
}

// NewMetrics returns metrics that start at zero, and registers them.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "hapair", Subsystem: "clock", Name: name, Help: help,
		})
	}
	m := &Metrics{
		stops:   counter("stops_total", "How often the machine was stopped together with its boot clock."),
		seconds: counter("stopped_seconds_total", "How long the machine was stopped together with its boot clock."),
	}
	registerer.MustRegister(m.stops, m.seconds)
	return m
}

func (m *Metrics) stopped(d time.Duration) {
	if m == nil {
		return
	}
	m.stops.Inc()
	m.seconds.Add(d.Seconds())
}
