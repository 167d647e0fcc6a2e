// Package seal makes datagrams that only the peer can have made, and that are accepted once. It uses AES-256-GCM with
// one key for each direction, a counter as nonce, and a window against replay. It is pure: package heartbeat has the
// socket and knows the content.
//
// A datagram is
//
//	version   1 byte
//	key       8 bytes, the name of the key that seals it
//	counter   8 bytes, big endian: 1 for the first datagram under a key, and one more for each
//	payload   sealed
//	tag       16 bytes
//
// The first three are sent in the clear and authenticated. The nonce is four zero bytes and the counter. No nonce is
// used twice, since each direction has its own key and each key has one sealer.
package seal
