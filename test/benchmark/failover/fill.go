package failover

import "github.com/hapair-io/hapair/test/testbed/connections"

// tickers is how many connections the traffic of a run makes.
const tickers = 3

// fill makes established connections in the table of the active, as if their packets had passed through it.
func fill(b *bed, flows int) {
	b.t.Helper()
	connections.Create(b.t, connections.Open(b.t, b.primary.namespace), 0, flows)
}
