// Package segment reads TCP segments in IP packets and replaces their payload. It handles bytes and does no I/O.
//
// Package gateway uses it for the packets of control connections.
package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/hapair-io/hapair/internal/checksum"
)

// ErrNotTCP reports a packet that is no complete TCP segment of its own, such as a fragment.
var ErrNotTCP = errors.New("not a TCP segment")

// Segment is a TCP segment. Its payload shares the memory of the packet.
type Segment struct {
	Source, Destination netip.AddrPort
	Sequence            uint32
	// Begins is set for a segment with SYN, Ends for one with FIN or RST.
	Begins, Ends bool
	Payload      []byte

	packet []byte
	// transport is the offset of the TCP header.
	transport int
}

const (
	protocolTCP = 6
	tcpHeader   = 20
	ipv4Header  = 20
	ipv6Header  = 40
)

// Flags of a TCP header (RFC 9293).
const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagRST = 0x04
)

// Parse returns the segment in a packet that begins with the header of IPv4 or IPv6.
func Parse(packet []byte) (s Segment, err error) {
	switch {
	case len(packet) >= ipv4Header && packet[0]>>4 == 4:
		s, err = parse4(packet)
	case len(packet) >= ipv6Header && packet[0]>>4 == 6:
		s, err = parse6(packet)
	default:
		err = fmt.Errorf("%w: %d bytes without a header of IP", ErrNotTCP, len(packet))
	}
	if err != nil {
		return Segment{}, err
	}
	return s, s.parseTransport()
}

func parse4(packet []byte) (s Segment, err error) {
	header, total := int(packet[0]&0x0f)*4, int(binary.BigEndian.Uint16(packet[2:]))
	const fragment = 0x3fff // The offset, and the flag of further fragments.
	switch {
	case header < ipv4Header || total < header || total > len(packet):
		return s, fmt.Errorf("%w: lengths %d and %d in %d bytes", ErrNotTCP, header, total, len(packet))
	case packet[9] != protocolTCP || binary.BigEndian.Uint16(packet[6:])&fragment != 0:
		return s, fmt.Errorf("%w: protocol %d, or a fragment", ErrNotTCP, packet[9])
	}
	s.packet, s.transport = packet[:total], header
	s.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte(packet[12:16])), 0)
	s.Destination = netip.AddrPortFrom(netip.AddrFrom4([4]byte(packet[16:20])), 0)
	return s, nil
}

// parse6 parses a packet without extension headers, which TCP does without.
func parse6(packet []byte) (s Segment, err error) {
	total := ipv6Header + int(binary.BigEndian.Uint16(packet[4:]))
	switch {
	case total > len(packet):
		return s, fmt.Errorf("%w: length %d in %d bytes", ErrNotTCP, total, len(packet))
	case packet[6] != protocolTCP:
		return s, fmt.Errorf("%w: next header %d", ErrNotTCP, packet[6])
	}
	s.packet, s.transport = packet[:total], ipv6Header
	s.Source = netip.AddrPortFrom(netip.AddrFrom16([16]byte(packet[8:24])), 0)
	s.Destination = netip.AddrPortFrom(netip.AddrFrom16([16]byte(packet[24:40])), 0)
	return s, nil
}

func (s *Segment) parseTransport() error {
	tcp := s.packet[s.transport:]
	if len(tcp) < tcpHeader {
		return fmt.Errorf("%w: a header of %d bytes", ErrNotTCP, len(tcp))
	}
	header := int(tcp[12]>>4) * 4
	if header < tcpHeader || header > len(tcp) {
		return fmt.Errorf("%w: a header that claims %d bytes of %d", ErrNotTCP, header, len(tcp))
	}
	s.Source = netip.AddrPortFrom(s.Source.Addr(), binary.BigEndian.Uint16(tcp))
	s.Destination = netip.AddrPortFrom(s.Destination.Addr(), binary.BigEndian.Uint16(tcp[2:]))
	s.Sequence = binary.BigEndian.Uint32(tcp[4:])
	s.Begins, s.Ends = tcp[13]&flagSYN != 0, tcp[13]&(flagFIN|flagRST) != 0
	s.Payload = tcp[header:]
	return nil
}

// WithPayload returns the packet with another payload, which may have another length, and correct checksums. It returns
// nil if the packet would be too long.
func (s *Segment) WithPayload(payload []byte) []byte {
	headers := len(s.packet) - len(s.Payload)
	packet := slices.Concat(s.packet[:headers], payload)
	length := len(packet)
	is4 := s.Source.Addr().Is4()
	if !is4 {
		length -= ipv6Header
	}
	if length > math.MaxUint16 {
		return nil
	}
	if is4 {
		binary.BigEndian.PutUint16(packet[2:], uint16(length)) //nolint:gosec // It is bounded above.
		binary.BigEndian.PutUint16(packet[10:], 0)
		binary.BigEndian.PutUint16(packet[10:], checksum.Of(packet[:s.transport]))
	} else {
		binary.BigEndian.PutUint16(packet[4:], uint16(length)) //nolint:gosec // It is bounded above.
	}
	tcp := packet[s.transport:]
	binary.BigEndian.PutUint16(tcp[16:], 0)
	binary.BigEndian.PutUint16(tcp[16:], checksum.OfTransport(s.Source.Addr(), s.Destination.Addr(), protocolTCP, tcp))
	return packet
}
