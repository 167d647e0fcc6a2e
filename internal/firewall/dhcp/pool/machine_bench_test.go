package pool_test

import (
	"net/netip"
	"runtime"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/dhcp/message"
	"github.com/hapair-io/hapair/internal/firewall/dhcp/pool"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

// BenchmarkRenewal has 10,000 hosts that renew their leases. It reports the memory of a lease.
func BenchmarkRenewal(b *testing.B) {
	const hosts = 10_000
	n := networks()[0]
	n.Subnet, n.Ranges = netip.MustParsePrefix("192.168.0.0/16"), []document.Block{block("192.168.64.0-192.168.127.255")}
	requests := make([]message.Request, hosts)
	for i := range requests {
		requests[i] = message.Request{
			Type: message.AddressRequest, MAC: message.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)},
			Destination: n.Address, Current: netip.AddrFrom4([4]byte{192, 168, 64 + byte(i>>8), byte(i)}),
		}
	}
	before := heap()
	m := pool.New([]document.DHCPNetwork{n})
	m.Become(true)
	for _, r := range requests {
		m.Receive(0, pool.Arrival{Interface: "lan"}, r)
	}
	if got := m.Counts().Leases; got != hosts {
		b.Fatalf("%d hosts have leases", got)
	}
	perLease := float64(heap()-before) / hosts
	b.ResetTimer()
	for i := range b.N {
		m.Receive(0, pool.Arrival{Interface: "lan"}, requests[i%hosts])
	}
	b.ReportMetric(perLease, "bytes/lease")
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
