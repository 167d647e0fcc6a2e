// Package gate measures what an open gate costs the packets that a unit forwards.
//
//	         ┌─ router (without gate) ─┐
//	client ──┤                         ├── server
//	         └─ router (with gate) ────┘
//
// Two routers that are alike but for the gate stand between the same client and server, and packets go through both in
// turns, so that what else the machine does falls on both alike. In each round they change their parts. What is
// measured:
//
//   - Small datagrams. One thread sends them, and its processor does everything up to the server's socket before the
//     next one; the figure is packets a second of that processor's time. The two routers get batches in turn.
//   - TCP throughput, as iperf3 has it. The two routers get streams in turn.
//
// Each is measured with routers that do nothing but route, and with routers that have the default firewall, as a unit
// has. `make bench-gate` runs all of it and prints a table.
package gate
