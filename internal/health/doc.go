// Package health is the monitors of one unit: whether its traffic interfaces can carry traffic, and which targets it
// reaches from them. Package sidecar runs it and hands its report to the machine, which compares it with the peer's;
// what a report is worth is not known here. The firewall beside the sidecar reports by itself.
//
// Interfaces are not polled: the kernel tells when one changes. Targets are probed by ICMP echo, by opening a TCP
// connection, or by an HTTP request, each from one interface and from the unit's own address on it, so that both units
// judge at the same time and by the same path. A unit that has no address of its own there probes from a virtual one
// while it has that, and otherwise not at all, and what is not probed counts as not reached. That moves no role by
// mistake: a probe decides for the peer only if the peer reaches the target and the active does not. A standby that
// cannot probe is never that peer, so where the active fails, nothing happens, and where it succeeds, nothing should.
package health
