// Package credentials creates the certificates with which the two units of a pair authenticate each other: one
// authority for each pair, and one certificate of it for each unit. It also checks whether the contents of a Secret are
// usable, and plans the replacement of certificates and authorities of running units.
//
//	credentials  creates authorities and certificates
//	verdict      checks one of them
//	exchange     plans the next certificates and trusted authorities of both units
//
// The operator is its only caller. The package has no access to the cluster or the clock: keys and certificates are
// passed as PEM, and the time is an argument. Its only outside source is that of random numbers.
package credentials
