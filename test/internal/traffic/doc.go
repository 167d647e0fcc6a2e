// Package traffic is the traffic by which a failover is judged: a server that counts aloud on a TCP connection and a
// client that listens, answers, and notes the longest silence. Demo, cluster tests and benchmarks measure with it.
//
// It knows nothing of pairs: both ends work on connections that the caller opened, in whichever network namespace.
package traffic
