package gate

import (
	"time"

	"github.com/hapair-io/hapair/test/benchmark/internal/iperf"
)

// streams sends TCP streams through both routers in turn and returns two figures for each. The throughput is in bits a
// second. The efficiency is in bits a second of the processor time of both ends, which other work disturbs less.
func (b *bed) streams(each int, lasts time.Duration) (throughput, efficiency perLane) {
	b.t.Helper()
	var bits, efficiencies [lanes][]float64
	for n := range lanes * each {
		lane := (n + n/lanes) % lanes // 0 1 1 0 0 1 1 0: a drift affects both equally
		o := iperf.Stream(b.t, b.client, b.server, serverAddress(lane), lasts, 0)
		bits[lane] = append(bits[lane], o.Throughput())
		efficiencies[lane] = append(efficiencies[lane], o.Efficiency())
	}
	for lane := range lanes {
		throughput[lane], efficiency[lane] = median(bits[lane]), median(efficiencies[lane])
	}
	return throughput, efficiency
}
