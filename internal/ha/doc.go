// Package ha decides which unit is active. It is a pure state machine: events go in, effects come out, and it has no
// clock, no I/O and no logger, so that the same code runs in the sidecar, in scripts and in a simulator.
//
// One step takes in one fact, closes what the permit no longer covers, and then decides afresh from all that is known.
// Nothing is decided from the event alone: a fact that came twice, late or not at all delays a decision and never
// changes what it is.
//
// Safety rests on five rules:
//   - The active forwards only until its permit's deadline, an instant of its own boot clock, counted from before the
//     request that earned the permit was sent.
//   - Whoever follows it acts on the peer's grant, or waits out the lease by its own clock with a margin for drift. A
//     record is aged from when it was first seen; its timestamps are never read.
//   - A right is given up before it is given away: the gate is confirmed closed before a grant or a release is sent.
//   - A write whose answer is lost may have happened or may happen yet: it earns nothing, and the record is read
//     before anything is built on it.
//   - Identity is an incarnation, so a restarted process inherits nothing from its earlier life.
//
// What the package is not: it does not know Kubernetes, sockets or interfaces. Package sidecar executes the effects and
// feeds back what happened; a failed effect comes back as an event.
package ha
