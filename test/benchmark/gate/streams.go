package gate

import (
	"time"

	"github.com/hapair-io/hapair/test/benchmark/internal/iperf"
)

// streams sends TCP streams through both routers in turn and returns the throughput of each, in bits a second, and in
// bits a second of processor time that both ends have used, which other work on the machine takes less away from.
func (b *bed) streams(each int, lasts time.Duration) (throughput, efficiency perLane) {
	b.t.Helper()
	var bits, efficiencies [lanes][]float64
	for n := range lanes * each {
		lane := (n + n/lanes) % lanes // 0 1 1 0 0 1 1 0: a drift falls on both
		o := iperf.Stream(b.t, b.client, b.server, serverAddress(lane), lasts, 0)
		bits[lane] = append(bits[lane], o.Throughput())
		efficiencies[lane] = append(efficiencies[lane], o.Efficiency())
	}
	for lane := range lanes {
		throughput[lane], efficiency[lane] = median(bits[lane]), median(efficiencies[lane])
	}
	return throughput, efficiency
}
