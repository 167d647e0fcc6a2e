// Package dynamicrouting has the class of the routes that routing protocols learned on the active: those of the
// protocols of contract.IsLearned in the data plane's table.
//
// A standby has no neighbours, so it learns nothing. It installs the routes of the active as held ones: with a protocol
// number of their own, and with a metric that every other route precedes. FRR reads the metric's upper byte as the
// distance of the route, and prefers its own. So a promotion has nothing to write.
//
// The new active removes a held route once its own protocol has installed one with the same destination and metric.
// What no protocol confirms is removed after a while.
//
// The standby may be about to take over because the active has lost an interface, and the active's protocols withdraw
// the routes of that interface at once. The active therefore keeps the records of such routes for a while.
//
//	codec.go    keys and records on the stream
//	route.go    which routes of the kernel are replicated, and how held ones are written
//	table.go    the records of a unit, which follow the kernel
//	held.go     the held routes of a unit
//	source.go, sink.go, watch.go   the class as the engine wants it
//	class.go    the factory
package dynamicrouting
