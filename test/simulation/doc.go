// Package simulation plays two units, the witness and the network around the very same machine that runs in a pod,
// package ha, in virtual time and from a seed. It looks at every instant whether two gates are open, whether a term has
// two holders, and whether state is lost that was acknowledged; and at the end whether the pair is whole again. Runs
// with a single fault are held to what is promised for that fault.
//
// A run is a Plan and nothing else: the settings, the clocks, the weather, and a list of faults. What remains of
// chance, as latencies, comes from streams of its own, one for each place, so that a fault can be left out of a plan
// without changing much else. That is how a failing plan is shrunk to the few faults that matter.
//
// The world is what surrounds the machine: unit.go is a node with its kernel and its process, gate.go what the kernel
// enforces, server.go the API server and what is between it and the units, line.go the heartbeats, session.go and
// flush.go the replication, and state.go what is replicated. plan.go, fault.go and drill.go say what goes wrong,
// faults.go makes it so, judge.go and expect.go say what must hold all the same. Mutations break one rule of that world
// each, to show that the judge sees it.
//
// It is not a proof: docs/model checks a smaller protocol to the end, and test/e2e the whole on real kernels. What runs
// here is the machine alone. Package sidecar, which executes effects and finds out facts, is taken to do so in order.
package simulation
