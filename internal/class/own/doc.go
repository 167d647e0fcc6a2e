// Package own has the addresses that only one unit of a pair holds, of both units. The pod's addresses are examples.
// Connections of these addresses end at one unit, so they are of no use to the other one and are not replicated.
//
// Both units leave out the same connections, so that a comparison of their tables finds no difference. For that, the
// engine exchanges the addresses with the peer. The classes ask Addresses.Has about the ends of a connection, both when
// they read it and when they write it.
package own
