package counts

import (
	"io"
	"os"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// maxFile bounds the file, which the container of the firewall writes.
	maxFile = 16 << 10
	// maxGateways bounds the gateways in the file.
	maxGateways = 8
)

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
	read, err := m.read()
	if err != nil || len(read) > maxGateways {
		return
	}
	for gateway, results := range read {
		for result, n := range results {
			all <- prometheus.MustNewConstMetric(m.messages, prometheus.CounterValue, float64(n), gateway, result)
		}
	}
}

func (m metrics) read() (Counts, error) {
	file, err := os.Open(m.file)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // Nothing was written that closing could lose.
	data, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return nil, err
	}
	return decode(data)
}
