package report

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/firewall/gateway/counts"
)

// maxGateways bounds the gateways in the file.
const maxGateways = 8

// gatewayMetrics reads the file whenever it is scraped. docs/metrics.md has the meaning of each metric.
type gatewayMetrics struct {
	file     string
	messages *prometheus.Desc
}

// NewGatewayMetrics registers metrics of what the application gateways counted in a file. There are no values until the
// file exists.
func NewGatewayMetrics(registerer prometheus.Registerer, file string) {
	registerer.MustRegister(gatewayMetrics{file, prometheus.NewDesc("hapair_gateway_messages_total",
		"Messages that announce connections to an application gateway, by what became of them.",
		[]string{"gateway", "result"}, nil)})
}

// Describe implements prometheus.Collector.
func (m gatewayMetrics) Describe(all chan<- *prometheus.Desc) { all <- m.messages }

// Collect implements prometheus.Collector.
func (m gatewayMetrics) Collect(all chan<- prometheus.Metric) {
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
