package adversary

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/testbed"
)

// MAC is an Ethernet address.
type MAC = [6]byte

var everyone = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

var (
	allNodes   = netip.MustParseAddr("ff02::1")
	allHosts   = netip.MustParseAddr("224.0.0.1")
	allReports = netip.MustParseAddr("224.0.0.22") // of IGMPv3 (RFC 3376, section 4.2.14)
	mldReports = netip.MustParseAddr("ff02::16")   // of MLDv2 (RFC 3810, section 5.2.14)
)

const (
	ipv4Length = 20
	ipv6Length = 40
	// onLink is the hop limit that neighbours require.
	onLink = 255
)

func ethernet(to, from MAC, kind uint16, payload []byte) []byte {
	b := append(append([]byte{}, to[:]...), from[:]...)
	return append(binary.BigEndian.AppendUint16(b, kind), payload...)
}

// groupMAC returns the Ethernet group of a multicast address (RFC 1112, section 6.4, and RFC 2464, section 7).
func groupMAC(group netip.Addr) MAC {
	if group.Is4() {
		g := group.As4()
		return MAC{0x01, 0, 0x5e, g[1] & 0x7f, g[2], g[3]}
	}
	g := group.As16()
	return MAC{0x33, 0x33, g[12], g[13], g[14], g[15]}
}

// tagged puts a tag of VLAN 0 into a frame, which the kernel takes off again on any interface.
func tagged(f []byte, kind uint16) []byte {
	b := binary.BigEndian.AppendUint16(append([]byte{}, f[:12]...), kind)
	return append(append(b, 0, 0), f[12:]...)
}

// packet4 is an IPv4 packet. A whole packet has no fragment field.
type packet4 struct {
	from, to netip.Addr
	protocol byte
	options  []byte // a multiple of four bytes
	id       uint16
	fragment uint16 // flags and offset
	payload  []byte
}

func (p packet4) bytes() []byte {
	header := ipv4Length + len(p.options)
	b := []byte{0x40 | byte(header/4), 0}
	b = binary.BigEndian.AppendUint16(b, uint16(header+len(p.payload)))
	b = binary.BigEndian.AppendUint16(b, p.id)
	b = binary.BigEndian.AppendUint16(b, p.fragment)
	b = append(b, 64, p.protocol, 0, 0)
	b = append(append(b, p.from.AsSlice()...), p.to.AsSlice()...)
	b = append(b, p.options...)
	binary.BigEndian.PutUint16(b[10:], testbed.Checksum(b))
	return append(b, p.payload...)
}

// packet6 returns an IPv6 packet whose payload begins with the header of type next.
func packet6(from, to netip.Addr, next byte, payload []byte) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0x60, 0, 0, 0}, uint16(len(payload)))
	b = append(b, next, onLink)
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	return append(b, payload...)
}

// behind moves the payload of an IPv6 packet behind an extension header of eight bytes.
func behind(packet []byte, kind byte) []byte {
	header := []byte{packet[6], 0, 1, 4, 0, 0, 0, 0} // filled with an option that means nothing
	if kind == unix.IPPROTO_FRAGMENT {
		header = []byte{packet[6], 0, 0, 0, 0, 0, 0, 9} // the only fragment (RFC 6946)
	}
	b := append([]byte{}, packet[:ipv6Length]...)
	b[6] = kind
	binary.BigEndian.PutUint16(b[4:], uint16(len(packet)-ipv6Length+len(header)))
	return append(append(b, header...), packet[ipv6Length:]...)
}

// icmp4 sets the checksum of an ICMP or IGMP message of an even length.
func icmp4(message []byte) []byte {
	binary.BigEndian.PutUint16(message[2:], testbed.Checksum(message))
	return message
}

func icmp6(from, to netip.Addr, message []byte) []byte {
	binary.BigEndian.PutUint16(message[2:], transportChecksum(from, to, unix.IPPROTO_ICMPV6, message))
	return packet6(from, to, unix.IPPROTO_ICMPV6, message)
}

// transportChecksum returns the checksum over a pseudo-header (RFC 9293, RFC 8200) and a message of an even length. Its
// own field is zero.
func transportChecksum(from, to netip.Addr, protocol byte, message []byte) uint16 {
	pseudo := append(from.AsSlice(), to.AsSlice()...)
	pseudo = append(pseudo, 0, protocol)
	pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(message)))
	return testbed.Checksum(append(pseudo, message...))
}

// syn returns a TCP segment that opens a connection.
func syn(from, to netip.Addr, source, port uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, source)
	b = binary.BigEndian.AppendUint16(b, port)
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0)
	binary.BigEndian.PutUint16(b[16:], transportChecksum(from, to, unix.IPPROTO_TCP, b))
	return packet4{from: from, to: to, protocol: unix.IPPROTO_TCP, payload: b}.bytes()
}

// datagram returns a UDP packet without a checksum (RFC 768).
func datagram(from, to netip.AddrPort, payload []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, from.Port())
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	b = append(append(b, 0, 0), payload...)
	return packet4{from: from.Addr(), to: to.Addr(), protocol: unix.IPPROTO_UDP, payload: b}.bytes()
}
