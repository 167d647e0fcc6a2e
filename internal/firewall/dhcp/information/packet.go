package information

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/net/bpf"

	"github.com/hapair-io/hapair/internal/checksum"
)

// MaxPacket bounds a packet of a request. A longer one is cut by the socket, and then refused.
const MaxPacket = 2048

const (
	header      = 40
	udpHeader   = 8
	protocolUDP = 17
	hopLimit    = 64
	serverPort  = 547
	clientPort  = 546
)

// AllServers is the Ethernet address of servers' addresses, and allServers that of the servers and relays of a link.
var (
	AllServers = [6]byte{0x33, 0x33, 0, 1, 0, 2}
	allServers = netip.MustParseAddr("ff02::1:2")
)

var errPacket = errors.New("not a complete datagram for the DHCPv6 servers of the link")

// Filter passes IPv6 packets with a UDP datagram for a DHCPv6 server.
func Filter() []bpf.Instruction {
	const (
		atNextHeader = 6
		atPort       = header + 2
	)
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: atNextHeader, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protocolUDP, SkipTrue: 3},
		bpf.LoadAbsolute{Off: atPort, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: serverPort, SkipTrue: 1},
		bpf.RetConstant{Val: MaxPacket + 1},
		bpf.RetConstant{},
	}
}

// payloadOf returns the sender and the payload of a datagram of a host of the link to all servers. Others are not
// answered (RFC 8415, section 16). It does not check the checksum: the kernel passes packets of other processes of the
// host without one.
func payloadOf(packet []byte) (from netip.Addr, payload []byte, err error) {
	if len(packet) < header+udpHeader || len(packet) > MaxPacket || packet[0]>>4 != 6 || packet[6] != protocolUDP {
		return from, nil, errPacket
	}
	from = netip.AddrFrom16([16]byte(packet[8:24]))
	datagram := packet[header:]
	length := int(binary.BigEndian.Uint16(datagram[4:]))
	if length < udpHeader || length > len(datagram) || length > int(binary.BigEndian.Uint16(packet[4:])) ||
		binary.BigEndian.Uint16(datagram[2:]) != serverPort || !from.IsLinkLocalUnicast() ||
		netip.AddrFrom16([16]byte(packet[24:40])) != allServers {
		return from, nil, errPacket
	}
	return from, datagram[udpHeader:length], nil
}

// packetOf returns an IPv6 packet with a UDP datagram from the port of servers to that of hosts.
func packetOf(source, destination netip.Addr, payload []byte) []byte {
	from, to := source.As16(), destination.As16()
	p := make([]byte, header+udpHeader, header+udpHeader+len(payload))
	p[0], p[6], p[7] = 6<<4, protocolUDP, hopLimit
	p = append(p, payload...)
	datagram := p[header:]
	binary.BigEndian.PutUint16(p[4:], uint16(len(datagram)))
	copy(p[8:], from[:])
	copy(p[24:], to[:])
	binary.BigEndian.PutUint16(datagram, serverPort)
	binary.BigEndian.PutUint16(datagram[2:], clientPort)
	binary.BigEndian.PutUint16(datagram[4:], uint16(len(datagram)))
	binary.BigEndian.PutUint16(datagram[6:], checksum.OfUDP(source, destination, datagram))
	return p
}
