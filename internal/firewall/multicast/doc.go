// Package multicast forwards multicast between interfaces of a unit. It is a proxy of IGMP and MLD (RFC 4605). Hosts
// report on downstream interfaces which groups they receive, and the proxy reports the sum on the upstream interface.
//
//	message      the messages of IGMP and MLD
//	membership   what the hosts on each downstream interface receive
//	machine.go   decides what is sent, forwarded and replicated, without I/O
//	entry.go     memberships and routes as the other unit receives them
//	proxy.go     executes that with the kernel (package mroute)
//
// Both units have the interfaces and the routes. The standby is silent. It writes the routes that the active had, so
// that packets pass at once when it becomes active. Then it asks all hosts to report within a second.
package multicast
