package enforcement

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

const namespace, subsystem = "hapair", "firewall"

// Metrics report whether rules are in force. docs/metrics.md has the meaning of each.
type Metrics struct {
	inForce, foreign atomic.Int64
	lost             prometheus.Counter
}

// NewMetrics returns metrics that start at zero, and registers them.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{lost: prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: namespace, Subsystem: subsystem, Name: "rules_lost_total",
		Help: "How often the rules of the firewall were found missing or altered.",
	})}
	registerer.MustRegister(m.lost,
		gauge(&m.inForce, "rules_in_force", "1 while the kernel enforces the rules of a document."),
		gauge(&m.foreign, "foreign_chains", "Chains of other programs that see the unit's packets."),
	)
	return m
}

func gauge(value *atomic.Int64, name, help string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Subsystem: subsystem, Name: name, Help: help,
	}, func() float64 { return float64(value.Load()) })
}

func (m *Metrics) set(state State) {
	if m == nil {
		return
	}
	is := int64(0)
	if state.Document != "" {
		is = 1
	}
	if m.inForce.Swap(is) > is {
		m.lost.Inc()
	}
	m.foreign.Store(int64(len(state.Foreign)))
}
