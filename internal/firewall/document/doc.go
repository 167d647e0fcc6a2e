// Package document reads and validates the configuration of the firewall: zones, address and service objects, policies
// and address translation. It holds every check that is possible without a kernel.
//
// A document is the spec of a FirewallConfiguration. Reading is strict: unknown fields, duplicate keys, values of the
// wrong type and names that nothing defines are refused, all together, each with its path and a remedy. A typing error
// must not become a rule that silently does nothing, because such a rule is a hole.
//
// The package does no I/O and does not depend on Kubernetes. The operator calls it before it gives a document to the
// units, and the firewall calls it before it applies one. Package plan turns documents into rules.
package document
