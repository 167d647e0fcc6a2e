// Package ha decides which unit is active. It is a pure state machine: events go in, effects come out. It has no clock,
// no I/O and no logger, so the same code runs in the sidecar, in scripts and in a simulator.
//
// Each step takes in one fact, closes what the permit no longer covers, and then decides from everything that is known.
// No decision depends on the event alone. A fact that arrives twice, late or never can delay a decision, but cannot
// change it.
//
// Two of three decide: the two units and the witness, which is the Lease.
//   - Paired: the Lease names a standby. The active forwards by the standby's grants, each of which acknowledges a
//     heartbeat. The standby may take the Lease as soon as the active is silent.
//   - Solo: the Lease names no standby. The active forwards by its own writes of the Lease. Any other unit must wait
//     until the Lease has expired.
//
// Safety rests on six rules:
//   - The active forwards only until the deadline of its permit. The deadline is an instant of its own boot clock. It
//     counts from before the heartbeat or request was sent that earned the permit.
//   - A grant is honoured. No unit forwards before the last grant that it gave is over by any clock, unless the active
//     itself reported that it has left. A new process assumes that the process before it gave a grant at its end.
//   - A unit that was not named as standby waits out the lease by its own clock, with a margin for drift. The age of a
//     record counts from when it was first seen; its timestamps are never read. No permit outlasts the duration in the
//     record, and no grant is requested that would.
//   - A right is given up before it is given away. The gate is confirmed closed before the role is relinquished or the
//     Lease released. Before a standby is named, the gate is confirmed to close with the standby's grant.
//   - A write without an answer may have happened or may still happen. It earns nothing, and the record is read before
//     anything is built on it.
//   - Identity is an incarnation, so a restarted process inherits nothing from its earlier life.
//
// The package does not know Kubernetes, sockets or interfaces. Package sidecar executes the effects and reports what
// happened; an effect that failed comes back as an event.
package ha
