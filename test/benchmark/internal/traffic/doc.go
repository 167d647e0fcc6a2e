// Package traffic is what a failover is judged by: a client counts on a connection, a server repeats every number, and
// the client notes when it heard each. The longest silence is what a user of the network would have noticed.
//
// Unlike package test/ticker it counts in datagrams too, at a rate of its own, and keeps every instant, so that the
// same run tells the silence around an event and the noise of the machine without one. Like it, it knows nothing of
// pairs.
package traffic
