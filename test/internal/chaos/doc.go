// Package chaos runs traffic through a pair while the caller injects a fault, and reports what happened to the traffic
// and which unit forwarded it.
//
// The traffic is a numbered UDP stream, TCP connections that count, and probes that are sent to both units throughout.
// A tracer at the server records which unit forwarded each packet.
//
// The caller decides which fault to inject and what the Report must show. Cluster tests and benchmarks call this
// package.
package chaos
