package tracer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// A packet of a stream carries a magic number, the stream, its own number, and when it was sent.
const (
	magic       = uint32(0x48617057)
	payloadSize = 4 + 4 + 8 + 8
)

// streamID distinguishes the streams of one sender.
type streamID uint32

// stamp is the payload of one packet.
type stamp struct {
	stream streamID
	number uint64
	sent   time.Time
}

func (m stamp) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, magic)
	b = binary.BigEndian.AppendUint32(b, uint32(m.stream))
	b = binary.BigEndian.AppendUint64(b, m.number)
	return binary.BigEndian.AppendUint64(b, uint64(m.sent.UnixNano()))
}

func parseStamp(b []byte) (stamp, bool) {
	if len(b) < payloadSize || binary.BigEndian.Uint32(b) != magic {
		return stamp{}, false
	}
	return stamp{
		stream: streamID(binary.BigEndian.Uint32(b[4:])),
		number: binary.BigEndian.Uint64(b[8:]),
		sent:   time.Unix(0, int64(binary.BigEndian.Uint64(b[16:]))),
	}, true
}

// Sizes of headers without options.
const (
	ethernetSize = 14
	ipv4Size     = 20
	ipv6Size     = 40
	udpSize      = 8
	// tcpFlags is the offset of the flags in a TCP header.
	tcpFlags       = 13
	tcpReset       = 0x04
	fragmentOffset = 0x1fff
	hopLimit       = 64
)

// frame is a packet as it was received.
type frame struct {
	to, from Station
	protocol uint8
	// source and port are the source and destination ports.
	source, port uint16
	// reset is set for a TCP segment that resets its connection.
	reset bool
	// payload of a UDP packet.
	payload []byte
}

// parseFrame parses an Ethernet frame with TCP or UDP over IPv4 or IPv6. It refuses later fragments and extension
// headers, which the senders of this package do not produce.
func parseFrame(b []byte) (frame, bool) {
	if len(b) < ethernetSize {
		return frame{}, false
	}
	f := frame{to: Station(b[0:6]), from: Station(b[6:12])}
	var transport []byte
	switch packet := b[ethernetSize:]; binary.BigEndian.Uint16(b[12:]) {
	case unix.ETH_P_IP:
		if len(packet) < ipv4Size {
			return frame{}, false
		}
		header := int(packet[0]&0x0f) * 4
		if header < ipv4Size || len(packet) < header {
			return frame{}, false
		}
		if binary.BigEndian.Uint16(packet[6:])&fragmentOffset != 0 {
			return frame{}, false // only the first fragment has ports
		}
		f.protocol, transport = packet[9], packet[header:]
	case unix.ETH_P_IPV6:
		if len(packet) < ipv6Size {
			return frame{}, false
		}
		f.protocol, transport = packet[6], packet[ipv6Size:]
	default:
		return frame{}, false
	}
	if f.protocol != unix.IPPROTO_TCP && f.protocol != unix.IPPROTO_UDP || len(transport) < udpSize {
		return frame{}, false
	}
	f.source, f.port = binary.BigEndian.Uint16(transport), binary.BigEndian.Uint16(transport[2:])
	switch {
	case f.protocol == unix.IPPROTO_UDP:
		f.payload = transport[udpSize:]
	case len(transport) <= tcpFlags:
		return frame{}, false
	default:
		f.reset = transport[tcpFlags]&tcpReset != 0
	}
	return f, true
}

// errFamilies is returned for addresses of two families.
var errFamilies = errors.New("source and destination are of different families")

// buildFrame returns an Ethernet frame with a UDP packet. The sending host's kernel would build the same frame, but for
// the station that its neighbour table names.
func buildFrame(to, from Station, source, destination netip.AddrPort, payload []byte) ([]byte, error) {
	if source.Addr().Is4() != destination.Addr().Is4() {
		return nil, fmt.Errorf("%w: %s and %s", errFamilies, source, destination)
	}
	b := make([]byte, 0, ethernetSize+ipv6Size+udpSize+len(payload))
	b = append(append(b, to[:]...), from[:]...)
	if source.Addr().Is4() {
		b = appendIPv4(b, source.Addr(), destination.Addr(), udpSize+len(payload))
	} else {
		b = appendIPv6(b, source.Addr(), destination.Addr(), udpSize+len(payload))
	}
	begin := len(b)
	b = binary.BigEndian.AppendUint16(b, source.Port())
	b = binary.BigEndian.AppendUint16(b, destination.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(udpSize+len(payload)))
	b = append(b, 0, 0)
	b = append(b, payload...)
	sum := checksum(pseudoHeader(source.Addr(), destination.Addr(), len(b)-begin), b[begin:])
	if sum == 0 {
		sum = 0xffff // zero means that there is no checksum (RFC 768)
	}
	binary.BigEndian.PutUint16(b[begin+6:], sum)
	return b, nil
}

func appendIPv4(b []byte, source, destination netip.Addr, size int) []byte {
	b = binary.BigEndian.AppendUint16(b, unix.ETH_P_IP)
	begin := len(b)
	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(ipv4Size+size))
	b = append(b, 0, 0, 0x40, 0) // no fragments
	b = append(b, hopLimit, unix.IPPROTO_UDP, 0, 0)
	b = append(append(b, source.AsSlice()...), destination.AsSlice()...)
	binary.BigEndian.PutUint16(b[begin+10:], checksum(0, b[begin:]))
	return b
}

func appendIPv6(b []byte, source, destination netip.Addr, size int) []byte {
	b = binary.BigEndian.AppendUint16(b, unix.ETH_P_IPV6)
	b = append(b, 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(size))
	b = append(b, unix.IPPROTO_UDP, hopLimit)
	return append(append(b, source.AsSlice()...), destination.AsSlice()...)
}

// pseudoHeader returns the sum of the pseudo-header of a UDP packet (RFC 768, RFC 8200 section 8.1).
func pseudoHeader(source, destination netip.Addr, size int) uint32 {
	return sum(sum(uint32(unix.IPPROTO_UDP)+uint32(size), source.AsSlice()), destination.AsSlice())
}

func checksum(initial uint32, b []byte) uint16 {
	total := sum(initial, b)
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return ^uint16(total)
}

func sum(total uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		total += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		total += uint32(b[0]) << 8
	}
	return total
}
