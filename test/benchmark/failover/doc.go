// Package failover measures what a user of the network notices when a unit fails, stops, freezes or loses its witness:
// hapair's own sidecar, as it ships, beside keepalived and conntrackd, which a user would pick instead. Both run on the
// same network of namespaces, in turns, so that what else the machine does falls on both alike.
//
//	client ── lan ─┬─ primary ───┬─ wan ── server
//	               │  │   │sync  │
//	               └──│ secondary┘
//	                  │      │
//	                  management ── API server
//
// A run builds the network, starts one of the two systems on its routers, sends traffic from the client to the server,
// lets the event happen, and notes how long the client heard nothing, whether its connections went on, and which router
// forwarded each packet. `make bench-failover` runs all of it and prints tables.
package failover
