// Package replication measures how connections get from the active to the standby. It compares hapair's engine with
// conntrackd, the usual alternative. Both run in turn on the same network of namespaces.
//
// Only replication runs: hapair without the decisions on roles (test/testbed/pair), and conntrackd without keepalived.
// hapair encrypts, and writes into the standby's kernel. conntrackd does not encrypt. As "cached" it holds connections
// in a cache until a failover, as "direct" it writes them into the kernel.
package replication
