// Package addresses puts the virtual addresses of a unit on its traffic interfaces, takes them off, and tells the neighbours
// where they are: by gratuitous ARP for IPv4, and unsolicited neighbour advertisements for IPv6. Where the pair has a
// virtual MAC the interface has it as long as it has the addresses, and its own before and after, also if the process
// crashes in between. And it watches whether somebody else claims one of the addresses, and never fights over it.
//
// To change a MAC is cheap on most kinds of interfaces. On a macvlan the kernel waits for an RCU grace period with
// it, some 8 to 40 ms for each interface, which a takeover then takes longer; not so on nodes that were booted with
// rcupdate.rcu_expedited=1. The kernel forgets the neighbours on the interface with it, those set by hand too, so
// static neighbours are to be written after the addresses were attached.
//
// It is called by package sidecar, which executes what the machine wants; it does not know who is active or why. The
// frames are built by package frame, and the addresses are set through package rtnetlink.
package addresses
