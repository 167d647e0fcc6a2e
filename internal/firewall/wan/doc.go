// Package wan distributes new connections over several links to the Internet.
//
//	balance      decides which links are up and which share each has, without I/O
//	balancer.go  the links of the document, and what follows from a change
//	probe.go     probes the monitors of each link, while the unit is active
//	slots.go     writes the share of each link to a map of the rules
//	replica.go   replicates the verdicts as class WANLoadBalancing
//
// The rules of the document give a new connection the link of the next slot, and keep it there by the connection's mark
// (package plan). Package routing has the routes of each link. The standby gets the verdicts of the active and writes
// the same slots, so that a new active begins with what is known.
package wan
