// Package gate lets traffic through a unit until a deadline, and no longer.
//
// The deadline is an absolute instant of the boot clock. Opening takes it along, so that a process that stood still
// between the decision and its effect opens nothing that should be closed by then. Package sidecar sets the gate as the
// machine wants it; the gate itself decides nothing but that a deadline has passed.
//
// What it is made of now: forwarding of IPv4 switched per traffic interface, and for IPv6, which has no such switch, a
// rule per traffic interface that drops what would be routed on. What is addressed to the unit itself is never gated.
// A watchman goroutine closes it at the deadline, whether or not the machine still runs. A process that is dead or
// frozen as a whole cannot close it: that takes a gate in the kernel, which can replace this one behind the same
// setter. Until then a sidecar that was killed closes the gate when it is started again, before anything else.
package gate
