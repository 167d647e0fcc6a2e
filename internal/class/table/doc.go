// Package table is a bounded class of state that lives in a process, such as the leases of a DHCP server. Its owner
// writes entries on the active unit, and the engine keeps the table of the standby equal.
//
// An entry is a key, a value that the package does not read, and a life: how long the entry remains. Lives travel, and
// times of day do not: the standby adds the life to its own boot clock. An entry whose life has passed is deleted only
// on the active, and the deletion is replicated like any other. A new active keeps such entries for Mercy, because
// nobody could renew them during the failover.
//
//	entry.go      entries, changes and their bounds
//	record.go     the encoding of an entry for the peer
//	table.go      the table, its role and its bounds
//	groups.go     what each of several owners of a table needs
//	update.go     writes of the owner
//	expiry.go     the end of entries
//	history.go    entries and deletions in the order of their last change
//	watch.go      subscriptions, for the owner and for the engine
//	source.go, sink.go, codec.go
//	              what the engine calls
//	set.go        the tables of all classes that providers write
//
// The package does no I/O. The sidecar owns the tables; package localapi serves them to other processes.
package table
