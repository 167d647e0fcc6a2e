package engine

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/replication/receiver"
	"github.com/hapair-io/hapair/internal/replication/sender"
)

// Metrics are those of replication. docs/metrics.md explains each.
type Metrics struct {
	sender            *sender.Metrics
	receiver          *receiver.Metrics
	connected, inSync prometheus.Gauge
}

// NewMetrics returns metrics that are registered and start at zero.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "hapair", Subsystem: "replication", Name: name, Help: help,
		})
	}
	m := &Metrics{
		sender: sender.NewMetrics(registerer), receiver: receiver.NewMetrics(registerer),
		connected: gauge("connected", "Whether there is a session with the peer."),
		inSync:    gauge("in_sync", "Whether the standby has the active's state."),
	}
	registerer.MustRegister(m.connected, m.inSync)
	return m
}

// boolValue returns the value of a gauge.
func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
