// Package seal makes datagrams that only the peer can have made, and that are taken once: AES-256-GCM under one key a
// direction, with a counter as nonce, and a window against replay. It is pure; package heartbeat has the socket, and
// knows what is inside.
//
// A datagram is
//
//	version   1 byte
//	key       8 bytes, which key it is sealed with
//	counter   8 bytes, big endian: 1 for the first datagram under a key, and one more for each
//	payload   sealed
//	tag       16 bytes
//
// The first three are in the clear and authenticated. The nonce is four zero bytes and the counter: since each
// direction has its own key, and a key one sealer, no nonce comes twice.
package seal
