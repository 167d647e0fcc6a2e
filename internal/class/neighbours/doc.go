// Package neighbours has two classes of entries in the kernel's neighbour tables (ARP and NDP) of the traffic
// interfaces.
//
// Class ARP has the permanent and NOARP entries that programs other than the firewall added. The firewall's own are in
// its document, which both units have. Published entries are not replicated: the kernel reports no change of them.
//
// Class DynamicARP has the entries that the kernel learned. It spares a new active the resolution of its neighbours.
// Only a changed MAC address is sent, not a changed state.
//
// The kernel flushes an interface that gets another MAC address, loses its carrier or is set down. A promotion that
// sets the virtual MAC does so too. The classes therefore keep a record of each entry, and write flushed ones again.
//
//	codec.go    keys and records on the stream
//	kind.go     which entries each class replicates, and how it writes them
//	table.go    the records of a unit, which follow the kernel
//	restore.go  writes entries again that the kernel flushed
//	source.go, sink.go, watch.go   the class as the engine wants it
//	class.go    the factories
package neighbours
