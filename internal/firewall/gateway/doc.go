// Package gateway runs the application gateways of the firewall. A gateway reads the control connections of a protocol
// that the kernel has no helper for, and lets the data connections pass that these announce.
//
// Each gateway has a queue of the kernel. A segment waits in it until the gateway has read it, so what a message
// announces is in the kernel before the message arrives. Without the firewall's process the segments pass unread. A
// gateway keeps nothing that a failover would lose: what it opens is in the kernel, where the classes of state find it.
//
// The packages in internal/firewall/algs understand the protocols. Package plan makes the rules that send segments
// here.
package gateway
