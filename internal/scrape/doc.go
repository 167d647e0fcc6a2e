// Package scrape serves the Prometheus metrics of a program over TLS, to clients with a bearer token. A unit's metrics
// reveal how much traffic there is and when the unit is weakest, so not everyone who reaches the pod may read them.
//
// The sidecar runs it. The operator serves its own metrics through controller-runtime.
package scrape
