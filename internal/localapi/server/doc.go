// Package server serves the local provider API on one unix socket for each provider. The sidecar runs it. It stores
// what providers publish in the tables of their classes, and passes on what arrives from the peer.
//
//	server.go     the server: roles, and the life of the sockets
//	socket.go     one socket, the user of a connection, and bounds
//	board.go      the role and term of the unit, and who follows them
//	request.go    routing, grants and parameters
//	entitlements.go
//	              what a provider may do, its quotas, and what it uses
//	write.go      writes: role, term, table, and the wait for the standby
//	list.go       lists and watches of a class
//	kernel.go     classes whose entries the kernel has
//	events.go     the stream of roles
//	held.go       how far providers are behind
//	progress.go   when a provider counts as behind
//	stream.go     lines of NDJSON to a client that may not read
//
// The mount of a socket decides who can connect, and the user of the process is checked as well. Nothing that a
// provider does can delay the unit: Become and HandoverSoon never wait.
package server
