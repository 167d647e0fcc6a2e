package sidecar

import (
	"context"
	"path/filepath"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/gate"
	"github.com/hapair-io/hapair/internal/kernel/socketfilter"
	"github.com/hapair-io/hapair/internal/resources"
	"github.com/hapair-io/hapair/internal/scrape"
)

// metrics are those of one unit. Everything that is registered has the labels of the pair and the unit, so that a query
// can select a pair whatever the names of its scrape jobs are.
type metrics struct {
	prometheus.Registerer
	prometheus.Gatherer
}

// newMetrics returns the metrics that every Go process has. The namespace is not a label: each scraper sets its own.
func newMetrics(u unit, pair contract.Settings) metrics {
	registry := prometheus.NewRegistry()
	labels := prometheus.Labels{"pair": pair.Pair, "unit": string(u.name)}
	m := metrics{Registerer: prometheus.WrapRegistererWith(labels, registry), Gatherer: registry}
	m.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// withGate adds the metrics of the gate.
func (m metrics) withGate(g *gate.Gate) metrics {
	gate.NewMetrics(m, g)
	return m
}

// serveMetrics returns what serves the metrics; nil if they are switched off.
func (o sidecarOptions) serveMetrics(
	m metrics, sockets socketfilter.Filter, log logr.Logger,
) func(context.Context) error {
	if o.metrics.Address == "0" {
		return nil
	}
	c := o.metrics
	c.Control = sockets.Control
	c.Metrics, c.Log = promhttp.HandlerFor(m, promhttp.HandlerOpts{Registry: m}), log
	c.CertificateFile = filepath.Join(o.tlsDirectory, resources.KeyCertificate)
	c.KeyFile = filepath.Join(o.tlsDirectory, resources.KeyPrivate)
	return func(ctx context.Context) error { return scrape.Serve(ctx, c) }
}
