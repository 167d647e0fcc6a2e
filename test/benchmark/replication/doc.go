// Package replication measures how connections come from the active to the standby: hapair's engine beside conntrackd,
// which a user would pick instead, in turns on the same network of namespaces.
//
// hapair runs as replication alone, without the judgement of who is active (test/testbed/pair), and conntrackd without
// keepalived. hapair encrypts and writes into the standby's kernel. conntrackd does neither, or the second only:
// "cached" keeps what it is told in a cache until a failover, "direct" writes it into the kernel.
package replication
