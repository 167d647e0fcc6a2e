// Package contract is what the operator and a unit exchange: the settings that the operator hands each sidecar, the
// status that a unit reports, and the names, bounds and defaults that both use. It does no I/O and knows no Kubernetes
// types. The operator (internal/resources, controllers), the sidecar and the firewall import it.
//
// Operator and units of different releases meet during an upgrade, so each side is tolerant of the other. A unit
// ignores fields that it does not know, and takes a default for a field that is missing. What it knows, it validates,
// by the same function that the operator calls. The documents of every release are in testdata/golden and must always
// parse.
package contract
