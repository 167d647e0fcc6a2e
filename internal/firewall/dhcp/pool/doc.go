// Package pool decides which host gets which address (RFC 2131, section 4.3). It takes the requests of hosts and the
// passing of time, and returns effects: answers, ARP probes, and changes of leases for the other unit. It is pure.
//
//	machine.go   the requests of hosts
//	probe.go     offers that wait until nobody has claimed their address
//	choice.go    which address a host may have
//	lease.go     the leases, and their end
//	name.go      the names of hosts
//	network.go   the networks of the document, and what their hosts learn
//	entry.go     leases as the other unit receives them
package pool
