// Package document is the firewall's configuration: one typed document of zones, address and service objects, policies
// and address translation, the reading of it, and every check that can be made without a kernel.
//
// A document is read strictly: an unknown field, a key given twice, a value of the wrong type, a name that nothing
// defines are refused, each with its path and with what to do about it, and all of them together. A typing error must
// not become a rule that silently does nothing: such a rule is a hole.
//
// The package does no I/O. The operator calls it before it hands a document to the units, the firewall before it
// applies one; what becomes of a document is the affair of the package plan.
package document
