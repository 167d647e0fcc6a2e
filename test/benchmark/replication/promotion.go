package replication

import (
	"testing"

	"github.com/hapair-io/hapair/test/testbed/connections"
)

// promotion measures the time from the order to take over until the standby's router is open, with few connections in
// the table and with many. All of them are replicated before, so their number must not matter.
var promotion = scenario{
	name: "promotion", systems: []string{hapair}, cases: []string{few, many}, measure: measurePromotion,
	columns: []column{
		{"connections", func(s Sample) float64 { return float64(s.Made) }, "%.0f"},
		{"ms", promoted, "%.2f"},
		missingColumn,
	},
	targets: []target{
		{what: "time to take over", of: promoted, than: few, bounds: atMost(1.2), cases: []string{many}},
		{what: "missing", of: missing, bounds: atMost(0)},
	},
}

const (
	few  = "few connections"
	many = "many connections"

	fewConnections = 1000
)

func promoted(s Sample) float64 { return s.Promoted }

func measurePromotion(t testing.TB, o Options, s system, sample *Sample) {
	sample.Made = fewConnections
	if sample.Case == many {
		sample.Made = o.Flows
	}
	connections.Create(t, connections.Open(t, s.network().Primary), 0, sample.Made)
	awaitHeld(t, s, sample.Made)
	e := s.(*engines)
	e.AwaitSync()
	quieten(t) // work that is left from filling the table ends
	sample.Promoted = milliseconds(e.Failover())
	sample.Missing, _ = connections.Compare(t, e.Secondary, connections.Span{End: sample.Made})
}
