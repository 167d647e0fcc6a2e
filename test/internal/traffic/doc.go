// Package traffic generates the traffic that failovers are measured with. A client counts on a connection, a server
// repeats every number, and the client records when each number came back. The longest silence is what a user of the
// network would have noticed.
//
// Client and server stand for machines of their own, which do not compete with the routers for a processor. So their
// sockets block, and the kernel prefers their threads where it allows that.
//
// The package knows nothing of pairs. Demo, cluster tests, namespace tests and benchmarks use it.
package traffic
