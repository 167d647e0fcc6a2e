package sight

import (
	"encoding/binary"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Packet is what is noted of a frame with TCP or UDP over IPv4.
type Packet struct {
	// At is when the kernel saw it.
	At time.Time
	// Source is the MAC address of the station that sent the frame.
	Source MAC
	// Outgoing says that it was sent by the host that is looked at.
	Outgoing         bool
	Protocol         uint8
	SrcPort, DstPort uint16
	// Reset says that it is a TCP segment which ends a connection by force.
	Reset bool
}

// MAC is an Ethernet address.
type MAC [6]byte

// String is for people.
func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

const (
	ethernetHeader = 14
	etherTypeIPv4  = 0x0800
	ipv4Header     = 20
	tcpFlagsOffset = 13
	tcpReset       = 0x04
)

// parse reads a frame. It is not ok with one that is not TCP or UDP over IPv4, or of which the ports are not there.
func parse(frame []byte) (p Packet, ok bool) {
	if len(frame) < ethernetHeader+ipv4Header || binary.BigEndian.Uint16(frame[12:]) != etherTypeIPv4 {
		return Packet{}, false
	}
	copy(p.Source[:], frame[6:12])
	ip := frame[ethernetHeader:]
	header := int(ip[0]&0xf) * 4
	p.Protocol = ip[9]
	const offsetMask = 0x1fff // of fragments only the first has ports
	if header < ipv4Header || len(ip) < header+4 || binary.BigEndian.Uint16(ip[6:])&offsetMask != 0 {
		return Packet{}, false
	}
	payload := ip[header:]
	p.SrcPort, p.DstPort = binary.BigEndian.Uint16(payload), binary.BigEndian.Uint16(payload[2:])
	switch p.Protocol {
	case unix.IPPROTO_UDP:
	case unix.IPPROTO_TCP:
		if len(payload) <= tcpFlagsOffset {
			return Packet{}, false
		}
		p.Reset = payload[tcpFlagsOffset]&tcpReset != 0
	default:
		return Packet{}, false
	}
	return p, true
}
