// Package heartbeat carries the signs of life between the units, and their acknowledgements. Each is one sealed UDP
// datagram. The socket and its priority are separate from replication, whose stream may fill its connection for seconds
// and must not delay heartbeats.
//
//	message   the content of a datagram and its encoding
//	seal      encryption, authentication and replay protection
//	link      sends and receives datagrams, whatever the network does
//
// The package decides nothing: when to send, what a message means and when it is too late is up to the state machine in
// package ha. Package sidecar calls it, and hands it the keys of each replication session. A session that breaks and
// comes back does not interrupt heartbeats; see Link.Rekey.
//
// Datagrams that fail authentication are counted and not logged, since anyone can send them.
package heartbeat
