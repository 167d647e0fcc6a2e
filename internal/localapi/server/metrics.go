package server

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/state"
)

// Metrics are those of the local provider API. docs/metrics.md explains each.
type Metrics struct {
	registerer prometheus.Registerer
	requests   *prometheus.CounterVec
	watches    *prometheus.GaugeVec
}

// NewMetrics returns metrics that are registered and start at zero.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{
		registerer: registerer,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "hapair", Subsystem: "provider", Name: "requests_total",
			Help: "Requests of providers, by operation and status.",
		}, []string{"provider", "operation", "status"}),
		watches: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "hapair", Subsystem: "provider", Name: "watches",
			Help: "Watches of providers that are open.",
		}, []string{"provider"}),
	}
	registerer.MustRegister(m.requests, m.watches)
	return m
}

func (m *Metrics) count(provider, operation string, status int) {
	m.requests.WithLabelValues(provider, operation, strconv.Itoa(status)).Inc()
}

// observe registers what is read from the tables and the reports of providers.
func (m *Metrics) observe(catalogue state.Catalogue, tables *table.Set, held *held) {
	m.registerer.MustRegister(&observer{
		catalogue: catalogue, tables: tables, held: held,
		entries: prometheus.NewDesc("hapair_provider_entries", "Entries that providers have published.",
			[]string{"class"}, nil),
		behind: prometheus.NewDesc("hapair_provider_behind",
			"Keys of a class that changed since the provider last reported what it has.", []string{"provider", "class"}, nil),
	})
}

// observer reads metrics when they are scraped.
type observer struct {
	catalogue       state.Catalogue
	tables          *table.Set
	held            *held
	entries, behind *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (o *observer) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- o.entries
	descriptions <- o.behind
}

// Collect implements prometheus.Collector.
func (o *observer) Collect(metrics chan<- prometheus.Metric) {
	for _, row := range o.catalogue {
		if t, ok := o.tables.Table(row.ID); ok {
			metrics <- prometheus.MustNewConstMetric(o.entries, prometheus.GaugeValue, float64(t.Len()), row.Name)
		}
	}
	o.held.visit(func(by heldBy, behind int) {
		metrics <- prometheus.MustNewConstMetric(o.behind, prometheus.GaugeValue, float64(behind), by.provider, by.class)
	})
}
