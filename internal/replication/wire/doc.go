// Package wire is the language of the replication stream: its frames, and how they are written and read. It decides
// nothing; which frame is allowed when is package session's affair.
//
// A frame is its length (four bytes, big-endian, of what follows), its kind (one byte) and its fields in order.
// Numbers are big-endian, text and records are preceded by their length. Every length is checked against what is there
// before anything is allocated for it, and a frame with bytes left over is refused: the peer is authenticated, but a
// mistake of its version must not become ours.
package wire
