// Package dhcp is the DHCP server of a unit (RFC 2131). It answers while the unit is active, with a virtual address as
// its own.
//
//	message      the messages of hosts and relay agents
//	information  the messages of hosts of IPv6, which only learn servers and domains (RFC 8415)
//	pool         decides which host gets which address, without I/O
//	server.go    executes that
//	port.go      the sockets of an interface
//	replica.go   the leases at the other unit
//
// It reads and sends packets at the interface, and not at a UDP port. So it works before a host has an address, needs
// no policy of the firewall, and listens on both units all the time: the gate keeps requests from the standby.
package dhcp
