// Package checksum computes the Internet checksum (RFC 1071).
package checksum

import (
	"encoding/binary"
	"net/netip"
)

// Of returns the checksum of bytes. Over bytes that have the right one in their place it is zero.
func Of(b []byte) uint16 { return complement(add(0, b)) }

// OfTransport returns the checksum of a packet of a transport protocol, or of ICMPv6. It also covers the addresses, the
// protocol and the length, as the pseudo-headers of IPv4 (RFC 9293, section 3.1) and IPv6 (RFC 8200, section 8.1) do.
func OfTransport(source, destination netip.Addr, protocol uint8, b []byte) uint16 {
	sum := uint64(len(b)) + uint64(protocol)
	return complement(add(add(add(sum, source.AsSlice()), destination.AsSlice()), b))
}

// OfUDP returns the checksum of a UDP datagram. It is never zero, since a datagram with zero has no checksum (RFC 768).
func OfUDP(source, destination netip.Addr, datagram []byte) uint16 {
	const protocolUDP = 17
	if sum := OfTransport(source, destination, protocolUDP, datagram); sum != 0 {
		return sum
	}
	return 0xffff
}

// add adds words of 16 bits in network byte order. A last odd byte is the upper half of a word.
func add(sum uint64, b []byte) uint64 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint64(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	return sum
}

// complement folds a sum to 16 bits, and returns their complement.
func complement(sum uint64) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
