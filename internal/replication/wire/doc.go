// Package wire encodes and decodes the frames of the replication protocol. Package protocol decides which frame is
// allowed when, and package peer reads and writes them.
//
// A frame is its length (four bytes, of what follows), its kind (one byte) and its fields in order. Numbers are
// big-endian. Text and records have their length before them. Each length is checked before memory is allocated for it,
// and a frame with bytes left over is refused: the peer is authenticated, but its version may have a bug.
package wire
