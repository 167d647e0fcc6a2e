package failover

import "github.com/hapair-io/hapair/test/testbed/connections"

// tickers is the number of connections of a run's traffic.
const tickers = 3

// fill creates established connections in the table of the active, as if their packets had passed through it.
func fill(b *bed, flows int) {
	b.t.Helper()
	connections.Create(b.t, connections.Open(b.t, b.primary.namespace), 0, flows)
}
