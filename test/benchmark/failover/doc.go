// Package failover measures what a user of the network notices when a unit fails, stops, freezes or loses its witness.
// It measures hapair's released sidecar, and keepalived with conntrackd, the usual alternative. Both run in turns on
// the same network of namespaces, so that other work on the machine affects both equally.
//
//	client ── lan ─┬─ primary ───┬─ wan ── server
//	               │  │   │sync  │
//	               └──│ secondary┘
//	                  │      │
//	                  management ── API server
//
// A run builds the network, starts one of the two systems on its routers, and sends traffic from the client to the
// server. Then it causes the event. It records how long the client received nothing, whether its connections survived,
// and which router forwarded each packet. `make bench-failover` runs all scenarios and prints tables.
package failover
