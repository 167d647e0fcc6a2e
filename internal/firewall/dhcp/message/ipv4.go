package message

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/hapair-io/hapair/internal/checksum"
)

// MaxPacket bounds a packet of a request. A longer one is cut by the socket, and then refused.
const MaxPacket = 2048

const (
	ipv4Header  = 20
	udpHeader   = 8
	protocolUDP = 17
	hopLimit    = 64
	serverPort  = 67
	clientPort  = 68
)

var errPacket = errors.New("not a complete datagram for a DHCP server")

// payloadOf returns the ends and the payload of a UDP datagram to the port of servers. It does not check the checksum:
// the kernel passes packets of other processes of the host without one.
func payloadOf(packet []byte) (source, destination netip.Addr, payload []byte, err error) {
	if len(packet) < ipv4Header || len(packet) > MaxPacket || packet[0]>>4 != 4 {
		return source, destination, nil, errPacket
	}
	header, total := int(packet[0]&0xf)*4, int(binary.BigEndian.Uint16(packet[2:]))
	const moreOrOffset = 0x3fff
	if header < ipv4Header || total > len(packet) || total < header+udpHeader || packet[9] != protocolUDP ||
		binary.BigEndian.Uint16(packet[6:])&moreOrOffset != 0 {
		return source, destination, nil, errPacket
	}
	datagram := packet[header:total]
	length := int(binary.BigEndian.Uint16(datagram[4:]))
	if binary.BigEndian.Uint16(datagram[2:]) != serverPort || length < udpHeader || length > len(datagram) {
		return source, destination, nil, errPacket
	}
	source, destination = netip.AddrFrom4([4]byte(packet[12:16])), netip.AddrFrom4([4]byte(packet[16:20]))
	return source, destination, datagram[udpHeader:length], nil
}

// packetOf returns an IPv4 packet with a UDP datagram from the port of servers.
func packetOf(source, destination netip.Addr, port uint16, payload []byte) []byte {
	from, to := source.As4(), destination.As4()
	p := make([]byte, ipv4Header+udpHeader, ipv4Header+udpHeader+len(payload))
	p[0], p[8], p[9] = 4<<4|ipv4Header/4, hopLimit, protocolUDP
	p = append(p, payload...)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	copy(p[12:], from[:])
	copy(p[16:], to[:])
	binary.BigEndian.PutUint16(p[10:], checksum.Of(p[:ipv4Header]))

	datagram := p[ipv4Header:]
	binary.BigEndian.PutUint16(datagram, serverPort)
	binary.BigEndian.PutUint16(datagram[2:], port)
	binary.BigEndian.PutUint16(datagram[4:], uint16(len(datagram)))
	binary.BigEndian.PutUint16(datagram[6:], checksum.OfUDP(source, destination, datagram))
	return p
}
