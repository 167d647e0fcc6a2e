// Package resolver keeps the addresses of DNS names in the sets of their address objects. It asks on the active unit
// alone. The standby receives the elements from the active, so that both units have the same answers.
//
// An address stays for the lifetime of its answer and a grace period. So a resolver that is away for a while empties no
// set, and an address that an answer no longer has goes by itself.
package resolver
