// Package conformance tests providers of state: processes that publish entries over the local API of docs/providers.md.
// It plays the sidecar for a provider under test, makes requests of a client by a probe, and checks each rule of the
// contract in a script. The program providertest is its command line.
//
// The played sidecar is not the server of the sidecar. It keeps entries in a map, and does what a script wants: it
// answers late, refuses, changes role and term, or vanishes.
package conformance
