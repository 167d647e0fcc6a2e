// Package addresses attaches the virtual addresses of a unit to its traffic interfaces and withdraws them. It announces
// them to the neighbours, by gratuitous ARP for IPv4 and by unsolicited neighbour advertisements for IPv6. If the pair
// has a virtual MAC, the interface has it as long as it has the addresses, and its own MAC before and after, even if
// the process crashes in between. The package also watches for other stations that claim one of the addresses, and
// never fights over it. It keeps the addresses and the MAC as they should be, whatever others do to the interfaces.
//
// Changing a MAC is cheap on most kinds of interfaces. On a macvlan the kernel then waits for an RCU grace period, some
// 8 to 40 ms for each interface, and a takeover takes that much longer. Nodes that were booted with
// rcupdate.rcu_expedited=1 avoid that. The kernel also deletes the neighbours on the interface, static ones included,
// so static neighbours must be written after the addresses are attached.
//
// Package sidecar calls it to execute what the state machine decides. The package does not know who is active or why.
// Package frame builds the frames, and package rtnetlink sets the addresses.
package addresses
