// Package ha decides which unit is active. It is a pure state machine: events go in, effects come out, and it has no
// clock, no I/O and no logger, so that the same code runs in the sidecar, in scripts and in a simulator.
//
// One step takes in one fact, closes what the permit no longer covers, and then decides afresh from all that is known.
// Nothing is decided from the event alone: a fact that came twice, late or not at all delays a decision and never
// changes what it is.
//
// Two of three decide: the two units and the witness. While the Lease names a standby (it is paired) the active
// forwards by the standby's promises, each of which acknowledges a heartbeat, and the standby may take the Lease as
// soon as the active is silent. While it names none (solo) the active forwards by its own writes of the Lease, and
// whoever wants to follow it waits until the Lease has expired.
//
// Safety rests on six rules:
//   - The active forwards only until its permit's deadline, an instant of its own boot clock, counted from before the
//     heartbeat or request that earned the permit was sent.
//   - A promise is kept: no unit forwards before the last one it gave is over by any clock, unless the active itself
//     says that it has left. The first promise of a process is the last that the process before it may have given.
//   - Whoever follows without having been named waits out the lease by its own clock with a margin for drift. A record
//     is aged from when it was first seen; its timestamps are never read. No permit outlasts what the record says, and
//     no promise is asked for that would.
//   - A right is given up before it is given away: the gate is confirmed closed before a grant or a release is sent,
//     and confirmed to close with the peer's promise before the peer is named.
//   - A write whose answer is lost may have happened or may happen yet: it earns nothing, and the record is read
//     before anything is built on it.
//   - Identity is an incarnation, so a restarted process inherits nothing from its earlier life.
//
// What the package is not: it does not know Kubernetes, sockets or interfaces. Package sidecar executes the effects and
// feeds back what happened; a failed effect comes back as an event.
package ha
