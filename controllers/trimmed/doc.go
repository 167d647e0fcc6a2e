// Package trimmed keeps of each object of a pair its identity, a digest of what the operator applied, and the few
// fields that the reconcilers read.
package trimmed
