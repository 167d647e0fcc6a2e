package replication

import (
	"slices"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/connections"
)

// events creates connections at a rate, and measures the costs until the secondary has them.
var events = scenario{
	name: "events", systems: []string{hapair, cached, direct}, atRates: true, measure: measureEvents,
	columns: slices.Concat([]column{
		reachedColumn, missingColumn,
		{"CPU µs", processorMicroseconds, "%.1f"},
		{"idle ‰", func(s Sample) float64 { return s.Idle }, "%.1f"},
		{"bytes", linkBytes, "%.0f"},
	}, memoryColumns),
	targets: []target{
		{what: "missing", of: missing, bounds: atMost(0)},
		{what: "CPU", of: processorMicroseconds, against: cached, bounds: atMost(0.6)},
		{what: "CPU", of: processorMicroseconds, against: direct, bounds: atMost(0.25)},
		{what: "bytes a record", of: linkBytes, against: cached, bounds: atMost(0.5)},
	},
}

func processorMicroseconds(s Sample) float64 { return s.CPU }
func linkBytes(s Sample) float64             { return s.Bytes }

func measureEvents(t testing.TB, o Options, s system, sample *Sample) {
	table := connections.Open(t, s.network().Primary)
	resting := idle(t, s, o.Idle)
	before, begun := spent(t, s), time.Now()
	sample.Made, sample.Reached = createAtRate(t, o, table, sample.Rate)
	sample.Missing = sample.Made - settle(t, s, sample.Made)
	sample.charge(before, spent(t, s), time.Since(begun), resting)
	sample.weigh(t, s)
}

// charge divides the costs by the number of connections. The costs of an idle system are subtracted first.
func (s *Sample) charge(before, after costs, took time.Duration, resting float64) {
	s.Idle = 1000 * resting
	s.CPU = float64((after.cpu - before.cpu).Microseconds()) - resting*float64(took.Microseconds())
	s.CPU /= float64(s.Made)
	s.Bytes = float64(after.bytes-before.bytes) / float64(s.Made)
}

// settle waits until the number of connections on the secondary no longer grows, and returns it.
func settle(t testing.TB, s system, made int) int {
	t.Helper()
	const still = 2 * time.Second
	last, since := -1, time.Now()
	for {
		held, err := s.held()
		if err != nil {
			t.Fatal(err)
		}
		if held >= made || held == last && time.Since(since) > still {
			return min(held, made)
		}
		if held != last {
			last, since = held, time.Now()
		}
		testbed.Pause(t, 200*time.Millisecond)
	}
}
