// Package advertiser sends the router advertisements of a unit (RFC 4861). They come from a virtual link-local address,
// so hosts know the pair as one router.
//
//	message       the messages of routers and hosts
//	schedule      decides when to send, without I/O
//	advertiser.go executes that
//	port.go       the socket of an interface
//
// A unit advertises while its interface has the virtual address, which the sidecar attaches to the active alone. A unit
// that becomes standby falls silent, and never takes itself back as a router: the other unit is the same router.
//
// Solicitations of hosts are read before the gate, which drops them. So nothing that routers and hosts send on a
// segment reaches the kernel of the unit.
package advertiser
