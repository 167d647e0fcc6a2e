// Package plan decides what a firewall document means: it makes of it the ruleset that the kernel is to enforce.
//
// The rules are those of a strict stateful firewall. Packets of established connections pass first. What connection
// tracking finds invalid is dropped, and so is a TCP segment that belongs to no known connection and does not open one:
// silently, since after a failover an answer to it would end a connection that only one unit knew of. Then the policies
// decide about what is new, and what none of them accepts is dropped.
//
// Only what comes from, or goes to, an interface of a zone is looked at. The pod's own network, over which the sidecar
// talks to its peer and the API server, passes untouched; but nothing is forwarded between it and a zone.
//
// The package is pure, and is called by the firewall, which applies the ruleset, and by its print command.
package plan
