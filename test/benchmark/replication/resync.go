package replication

import (
	"slices"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed/connections"
)

// resync measures the time to fill an empty secondary.
var resync = scenario{
	name: "resync", systems: []string{hapair, cached, direct}, measure: measureResync,
	columns: slices.Concat([]column{
		{"connections", func(s Sample) float64 { return float64(s.Made) }, "%.0f"},
		{"seconds", filled, "%.2f"},
	}, memoryColumns, peakColumns),
	targets: []target{
		{what: "time to fill a standby", of: filled, against: cached, bounds: atMost(0.35)},
		{what: "memory of the standby, MiB", of: func(s Sample) float64 { return s.Peak[1] }, bounds: atMost(64)},
	},
}

func filled(s Sample) float64 { return s.Filled }

func measureResync(t testing.TB, o Options, s system, sample *Sample) {
	connections.Create(t, connections.Open(t, s.network().Primary), 0, o.Flows)
	awaitHeld(t, s, o.Flows)
	s.empty()
	begun := time.Now()
	s.refill(o.Flows)
	sample.Filled = time.Since(begun).Seconds()
	sample.Made = o.Flows
	sample.weigh(t, s)
}
