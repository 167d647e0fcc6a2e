// Package countsmetrics serves what the application gateways counted as metrics of the sidecar. It is apart from
// package counts, so that the firewall does not link the library of metrics.
package countsmetrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/firewall/gateway/counts"
)

// maxGateways bounds the gateways in the file.
const maxGateways = 8

// metrics reads the file whenever it is scraped. docs/metrics.md has the meaning of each metric.
type metrics struct {
	file     string
	messages *prometheus.Desc
}

// NewMetrics registers metrics of the counts in a file. There are no values until the file exists.
func NewMetrics(registerer prometheus.Registerer, file string) {
	registerer.MustRegister(metrics{file, prometheus.NewDesc("hapair_gateway_messages_total",
		"Messages that announce connections to an application gateway, by what became of them.",
		[]string{"gateway", "result"}, nil)})
}

// Describe describes the metrics.
func (m metrics) Describe(all chan<- *prometheus.Desc) { all <- m.messages }

// Collect reads the file.
func (m metrics) Collect(all chan<- prometheus.Metric) {
	read, err := counts.ReadFile(m.file)
	if err != nil || len(read) > maxGateways {
		return
	}
	for gateway, results := range read {
		for result, n := range results {
			all <- prometheus.MustNewConstMetric(m.messages, prometheus.CounterValue, float64(n), gateway, result)
		}
	}
}
