// Package plan compiles a firewall document into the ruleset that the kernel enforces.
//
// The rules are those of a strict stateful firewall. Packets of established connections pass first. Packets that
// connection tracking finds invalid are dropped, and so are TCP segments that neither belong to a known connection nor
// open one. Both are dropped in silence: after a failover an answer would end a connection that only the lost unit
// knew. Then the policies decide about new connections, and a connection that no policy accepts is dropped.
//
// The rules only see packets from or to an interface of a zone. The pod's own network, which the sidecar uses for its
// peer and the API server, passes untouched. But packets are forwarded between zones alone.
//
// The package is pure. The firewall calls it to apply a document, and the print command to show one.
package plan
