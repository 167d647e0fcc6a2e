// Package adversary sends hostile frames from a host on a segment of a pair. The cluster tests use it to show that no
// host of a segment can disturb the pair.
//
// An Attack builds frames for a Target, and a Host sends them one after another at a bounded rate for a bounded time.
// They have the host's own MAC address as source. A station that used a unit's MAC address would deceive the switch,
// and nothing in a pair can prevent that.
package adversary
