// Package tracer tells who forwarded. It stands at the server, behind the pair, and notes of each packet which unit it
// came from, by the hardware address that the frame bears. What the units say of themselves it does not ask. It is not
// the pair's witness, the Lease, though it judges by that.
//
// Two kinds of packets are sent through the pair for it. A numbered Stream goes the way that a host's traffic goes: to
// whichever unit the host's neighbour table names. Its gaps are what a user feels. Probes are aimed at each unit by its
// hardware address, all the time, whoever has the virtual addresses: a unit whose gate is open shows itself by them
// even if nobody else's traffic finds the way to it, so that two open gates are seen as two and not as one.
//
// What it saw is judged in three ways, see Judge: units that forward by turns within a moment, forwarders in another
// order than that in which the Lease named its holders, and forwarders that belong to no unit.
//
// It works for pairs whose units keep hardware addresses of their own. Its memory is bounded, whatever it sees.
package tracer
