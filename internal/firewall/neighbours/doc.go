// Package neighbours keeps the neighbours of the firewall's document in the kernel: static entries, and published ones,
// for which the unit answers ARP and NDP.
//
// They stand on a unit of any role. The kernel flushes an interface that gets its virtual MAC, so what is missing is
// put back at once. What the kernel refuses is reported and tried again. The entries stay when the process ends.
//
// Entries that other programs add are not touched. Class ARP replicates them.
package neighbours
