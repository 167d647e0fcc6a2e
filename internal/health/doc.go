// Package health monitors one unit: whether its traffic interfaces can carry traffic, and which targets it reaches from
// them. Package sidecar runs it and passes its report to the state machine, which compares it with the peer's. This
// package does not rate a report. The firewall next to the sidecar reports its own health. It probes the links to the
// Internet by Once.
//
// Interfaces are not polled, since the kernel reports their changes. Targets are probed by ICMP echo, by opening a TCP
// connection, or by an HTTP request. Each is probed from one interface and from the unit's own address on it, so that
// both units judge at the same time and by the same path.
//
// A unit without an address of its own probes from a virtual address while it has one, and otherwise not at all. A
// target that is not probed counts as not reached. That moves no role by mistake: a probe decides for the peer only if
// the peer reaches the target and the active does not. A standby that cannot probe is never that peer.
package health
