// Package tracer records which unit forwarded each packet. It observes at the server, behind the pair, and identifies
// the unit by the source hardware address of the frame. It does not rely on what the units report.
//
// Two kinds of packets are sent through the pair. A numbered Stream goes to the unit that the host's neighbour table
// names, as a user's traffic does. Its gaps are what a user notices. Probes are sent to the hardware address of each
// unit, regardless of who has the virtual addresses. They reveal an open gate even if no other traffic reaches that
// unit.
//
// FindViolations checks the record for three faults: units that forward alternately within a moment, forwarders in
// another order than the holders of the Lease, and forwarders that belong to no unit.
//
// The units must have their own hardware addresses. The memory is bounded. Chaos tests, cluster tests and benchmarks
// use the package.
package tracer
