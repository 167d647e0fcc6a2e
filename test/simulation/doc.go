// Package simulation runs two units, the witness and the network around the same state machine that runs in a pod,
// package ha. It runs in virtual time and from a seed. At every instant it checks whether two gates are open, whether a
// term has two holders, and whether acknowledged state is lost. At the end it checks whether the pair is complete
// again. Runs with a single fault are compared with what is promised for that fault.
//
// A run is defined by a Plan: the settings, the clocks, the delays, and a list of faults. The remaining chance, such
// as latencies, comes from separate streams, one for each place. So a fault can be removed from a plan without changing
// much else, and a failing plan can be shrunk to the few faults that matter.
//
// The files:
//
//	unit.go, gate.go       a node with its kernel and its process, and its gate
//	machine.go             a machine that is stopped together with its clock
//	server.go              the API server, and the network between it and the units
//	line.go                heartbeats
//	session.go, flush.go   replication
//	state.go               the replicated state
//	plan.go, fault.go, drill.go   what goes wrong
//	faults.go              how it goes wrong
//	judge.go, expect.go    what must hold all the same
//	mutation.go            deliberate violations, which show that the judge detects them
//
// The simulator is not a proof. docs/model checks a smaller protocol exhaustively, and test/e2e runs everything on real
// kernels. Only the state machine runs here. Package sidecar, which executes effects and reports facts, is assumed to
// do so in order.
package simulation
