package dataplane

import "github.com/prometheus/client_golang/prometheus"

// The kinds of what other programs do to the data plane.
const (
	kindRoute     = "Route"
	kindRule      = "Rule"
	kindInterface = "Interface"
)

// Metrics count what other programs did and was undone. docs/metrics.md has the meaning.
type Metrics struct{ undone *prometheus.CounterVec }

// NewMetrics returns metrics that start at zero, and registers them.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{undone: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "hapair", Subsystem: "dataplane", Name: "undone_total",
		Help: "What other programs added to the routing of the data plane or changed of its interfaces, and was undone.",
	}, []string{"kind"})}
	for _, kind := range []string{kindRoute, kindRule, kindInterface} {
		m.undone.WithLabelValues(kind)
	}
	registerer.MustRegister(m.undone)
	return m
}

func (m *Metrics) count(kind string, n int) {
	if m != nil {
		m.undone.WithLabelValues(kind).Add(float64(n))
	}
}
