// Package lease is the witness: the pair's coordination.k8s.io/v1 Lease, read, watched, and written by
// compare-and-swap.
//
// It maps the Lease to ha.Record and classifies how each request ended; what follows from that is the machine's affair.
// It is called by package sidecar alone. It does not elect, renew or retry, and it never compares a timestamp: those in
// the Lease are for people.
package lease
