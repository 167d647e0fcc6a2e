// Package vpn is the class that replicates VPN tunnels: the IKE SAs of the IKE daemon and their children, with their
// keys. It relays the messages with which the daemon's plugin ha describes them. The daemon of the standby installs
// them as passive SAs.
//
// The messages are a stream, and no table: each builds on those before it. Every message is a change with a key of its
// own, so that the engine merges none and keeps their order. A snapshot makes the daemon describe all SAs again. The
// IKE SAs that both daemons have are compared like the entries of a table, so that a lost message is found.
//
// The daemon's messages about roles are dropped on both units: hapair alone decides which unit is active.
//
//	message/      reads and makes the messages
//	known.go      the IKE SAs that the unit's daemon has, as far as the messages tell
//	socket.go     the socket to the daemon
//	class.go      the class, and what happens to a message of the daemon
//	addresses.go  addresses of users, which the daemon does not describe again
//	source.go     messages on their way to the standby
//	sink.go       messages of the active on their way to the daemon
//	metrics.go    what is counted
package vpn
