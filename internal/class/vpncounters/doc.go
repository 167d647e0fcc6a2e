// Package vpncounters is the class that replicates the sequence numbers of the kernel's SAs of ESP. Class VPN makes the
// standby have the same SAs with the same keys. Without their numbers, a new active would use numbers again that its
// peers have seen, and take in packets again that the other unit has received.
//
// The active reads the numbers in regular intervals. The standby writes them to its own SAs. What the active has sent
// since is unknown. So a promotion advances each SA by more than that can be, before the gate opens. An SA of which
// too little is known gets the last number, and the kernel then sends nothing more with it. The first process of the
// daemon's container requests new keys for all SAs afterwards.
//
//	codec.go    keys and records on the stream
//	rules.go    which numbers an SA gets
//	table.go    the records of a unit, which follow the kernel on the active
//	promote.go  what happens before the gate opens
//	source.go, watch.go, sink.go   the class as the engine wants it
//	class.go    the factory
package vpncounters
