// Package connectioncache is the class of connection tracking: every connection that the active forwards, with its
// translation, is in the standby's kernel before it is needed there, so that promotion writes nothing.
//
//	source.go   the active's kernel: events are changes, a dump is a snapshot
//	sink.go     the standby's kernel: changes are created, updated and deleted in batches
//	ageing.go   how long a standby's entry lives, and what makes it true again at promotion
//	filter.go   which connections are replicated: the unit's own are not
//	key.go      what names an entry on both units
//	codec.go    everything else about it
//
// It keeps no table of its own on either side: the kernel is the database.
package connectioncache
