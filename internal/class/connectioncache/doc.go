// Package connectioncache replicates the kernel's connection tracking. Every connection that the active forwards is in
// the standby's kernel, with its translation, before it is needed there. A promotion writes nothing.
//
//	source.go     reads the active's kernel: events are changes, a dump is a snapshot
//	sink.go       writes the standby's kernel in batches; item.go has the steps of one change
//	ageing.go     the timeouts of a standby's entries, and of a new active's
//	agefilter.go  connections that are too young to be replicated
//	reread.go     connections whose sequence numbers a helper has just changed
//	digest.go     the fields that an audit compares
//	filter.go     which connections are replicated: the unit's own are not
//	key.go        the key of an entry, which is the same on both units
//	codec.go      the record of an entry: everything but its key
//	options       the options that a SyncPolicy can set
//
// It has no table of its own on either unit. The kernel is the database.
package connectioncache
