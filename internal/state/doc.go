// Package state names what is replicated: the catalogue of state classes and the change of one entry. Sources make
// changes, sinks apply them, and the replication engine carries them without reading their records.
//
// The package is PURE and imports nothing of the project, so that the operator and the unit share one catalogue.
package state
