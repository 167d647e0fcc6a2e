// Package credentials makes the certificates by which the two units of a pair recognise each other: one authority for
// each pair, and of it one certificate for each unit. It also judges whether what a Secret holds is still of use, and
// plans how certificates and authorities are exchanged under units that run.
//
//	credentials  makes authorities and certificates
//	verdict      judges one of them
//	exchange     plans what both units have and trust next
//
// The operator is its only caller. Nothing here reads or writes a cluster or looks at the clock: keys and certificates
// go in and out as PEM, and the time is an argument. Random numbers alone come from outside.
package credentials
