package replication

import (
	"slices"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/benchmark/internal/iperf"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/connections"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// throttle creates more connections at once than the throttled link carries in a few seconds.
var throttle = scenario{
	name: "throttle", systems: []string{hapair}, pair: pair.Options{BytesPerSecond: throttledBits / 8},
	measure: measureThrottle,
	columns: slices.Concat([]column{
		{"connections", func(s Sample) float64 { return float64(s.Made) }, "%.0f"},
		{"Mbit/s", linkRate, "%.2f"},
		{"seconds", filled, "%.2f"},
		missingColumn,
		{"surplus", surplus, "%.0f"},
		{"iperf3", forwarded, "%.3f"},
	}, peakColumns),
	targets: []target{
		{what: "Mbit/s between the routers", of: linkRate, bounds: within(9.5, 10.5)},
		{what: "iperf3, of its throughput before", of: forwarded, bounds: within(0.95, 1.05)},
		{what: "missing", of: missing, bounds: atMost(0)},
		{what: "surplus", of: surplus, bounds: atMost(0)},
	},
}

const (
	throttledBits = 10_000_000
	// bytesPerConnection is less than what a connection uses of the link, so that a burst takes longer than Lasting.
	bytesPerConnection = 30
	// streamBits leaves processors idle. A stream that used all of them would measure the other programs instead of the
	// forwarding.
	streamBits = 500_000_000
)

func linkRate(s Sample) float64 { return s.Throughput }

func measureThrottle(t testing.TB, o Options, s system, sample *Sample) {
	lasting := max(o.Lasting/2, time.Second)
	stream := func() float64 {
		n := s.network()
		return iperf.Stream(t, n.Client, n.Server, testbed.ServerAddress, lasting, streamBits).Throughput()
	}
	s.network().Primary.Link(t, "sync0").InSegments()
	before := stream()
	table := connections.Open(t, s.network().Primary)
	watched := watchLink(t, s.network().Primary)
	live := connections.Span{End: throttledBits / 8 * int(o.Lasting.Milliseconds()) / 1000 / bytesPerConnection}
	begun := time.Now()
	connections.Create(t, table, live.First, live.Len())
	sample.Forwarded = stream() / before
	awaitHeld(t, s, live.Len())
	sample.Filled = time.Since(begun).Seconds()
	sample.Throughput = bulkRate(watched()) * 8 / 1e6
	sample.Made = live.Len()
	awaitEqual(t, s, live, 0, sample)
	sample.weigh(t, s)
}

// reading is the number of bytes that a router has sent over the sync link at one time.
type reading struct {
	at    time.Time
	bytes uint64
}

// watchLink reads the counter of the link in regular intervals, until the returned function is called.
func watchLink(t testing.TB, router *testbed.Namespace) (end func() []reading) {
	t.Helper()
	var readings []reading
	stop, stopped := make(chan struct{}), make(chan struct{})
	ended := false
	finish := func() {
		if !ended {
			ended = true
			close(stop)
			<-stopped
		}
	}
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			c, err := interfaceCounters(router, "sync0")
			if err != nil {
				t.Errorf("Watching the link between the routers: %v", err)
				return
			}
			readings = append(readings, reading{time.Now(), c.sentBytes})
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
		}
	}()
	t.Cleanup(finish)
	return func() []reading {
		finish()
		return readings
	}
}

// bulkRate returns the bytes per second in the middle of a transfer. Its beginning is the burst that a throttle lets
// pass after a pause, and at its end the link is no longer full.
func bulkRate(readings []reading) float64 {
	if len(readings) == 0 {
		return 0
	}
	first, all := readings[0].bytes, readings[len(readings)-1].bytes-readings[0].bytes
	var bulk []reading
	for _, r := range readings {
		if part := r.bytes - first; part >= all/5 && part <= all*4/5 {
			bulk = append(bulk, r)
		}
	}
	if len(bulk) < 2 {
		return 0
	}
	from, to := bulk[0], bulk[len(bulk)-1]
	return float64(to.bytes-from.bytes) / to.at.Sub(from.at).Seconds()
}
