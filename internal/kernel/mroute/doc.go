// Package mroute is the kernel's multicast routing of a network namespace: interfaces (VIFs) between which it forwards,
// entries of the forwarding cache, and the reports of packets without an entry. It also sends and receives the messages
// of IGMP and MLD.
//
// The kernel accepts one router for each family. Its state ends when the socket is closed. IPv4 and IPv6 have the same
// operations with other structures (linux/mroute.h, linux/mroute6.h). The sockets need CAP_NET_ADMIN and CAP_NET_RAW.
package mroute
