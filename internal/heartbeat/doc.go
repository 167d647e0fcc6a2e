// Package heartbeat carries the signs of life between the units, and their acknowledgements: one sealed datagram each,
// over UDP, on a socket and at a priority of its own, so that the replication stream, which may fill its connection for
// seconds, never delays them.
//
//	message   what a datagram says, in bytes
//	seal      makes it secret, genuine and unique
//	link      sends and receives it, whatever the network does
//
// It decides nothing: when to send, what a message means and which are too late, is the machine's affair. Package
// sidecar calls it, and tells it of each session of replication, whose keys it uses. A session that breaks and comes
// back does not interrupt heartbeats: see Converse.
//
// Whatever comes in is counted and not logged, since anyone can send anything; Counters tells.
package heartbeat
