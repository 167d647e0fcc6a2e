// Package configuration is the class of the firewall's document: what the active's firewall enforces comes to the
// standby by replication, and nothing else does. It is always replicated, whatever a SyncPolicy says.
//
//	part.go       the document in parts that fit into records
//	table.go      the parts that a unit has, as source and sink
//	watch.go      who is told of changes
//	class.go      the document as a whole: published on the active, received on the standby
package configuration
