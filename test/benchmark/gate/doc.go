// Package gate measures the cost of an open gate for the packets that a unit forwards.
//
//	         ┌─ router (without gate) ─┐
//	client ──┤                         ├── server
//	         └─ router (with gate) ────┘
//
// Two routers that differ only in the gate stand between the same client and server. Packets go through both in turns,
// so that other work on the machine affects both equally. In each round the routers exchange their roles. There are two
// measurements:
//
//   - Small datagrams. One thread sends them, and its processor does everything up to the server's socket before the
//     next one. The figure is packets a second of that processor's time. The routers get batches in turn.
//   - TCP throughput, measured with iperf3. The routers get streams in turn.
//
// Each measurement is made with routers that only route, and with routers that have the default firewall, as a unit
// has. `make bench-gate` runs the benchmark and prints a table.
//
// With the option DataPlane, both routers have a firewall and a gate, and they differ in the data plane. One has the
// routing table and rules of a unit and checks the sources of packets. The other has one table and does not. `make
// bench-edge` runs that too.
package gate
