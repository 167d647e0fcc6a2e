// Package configuration is the class that replicates the firewall's document. The standby receives the document that
// the active's firewall enforces in no other way. The class is always replicated, whatever a SyncPolicy contains.
//
//	part.go       splits a document into parts that fit into records
//	class.go      the whole document: published on the active, received on the standby
package configuration
