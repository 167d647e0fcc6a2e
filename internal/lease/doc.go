// Package lease reads, watches and writes the pair's coordination.k8s.io/v1 Lease, which is the witness of the pair. A
// write replaces the version that it names, or fails.
//
// The package maps the Lease to ha.Record and classifies how each request ended. It does not elect, renew or retry: the
// machine in package ha decides. It never compares timestamps; those in the Lease are for people. Package sidecar calls
// it.
package lease
