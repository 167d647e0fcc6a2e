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
	// refusedConnections counts clients that did not prove to be the peer.
	refusedConnections *prometheus.CounterVec
}

// The reasons for which connections are refused.
const (
	refusalDisplaced = "Displaced"
	refusalLimited   = "Limited"
	refusalFailed    = "Failed"
)

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
	m.refusedConnections = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "hapair", Subsystem: "replication", Name: "refused_connections_total",
		Help: "Connections of clients that did not prove to be the peer, by reason.",
	}, []string{"reason"})
	for _, reason := range []string{refusalDisplaced, refusalLimited, refusalFailed} {
		m.refusedConnections.WithLabelValues(reason)
	}
	registerer.MustRegister(m.connected, m.inSync, m.refusedConnections)
	return m
}

// boolValue returns the value of a gauge.
func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
