package packetlog

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
)

// Entry is one logged packet.
type Entry struct {
	// Prefix is the prefix of the rule that logged the packet.
	Prefix string
	// In and Out are the indexes of the incoming and outgoing interface. An index is 0 without such an interface.
	In, Out int
	Packet  Packet
}

// Packet holds the header fields of a packet, as far as the kernel copied them.
type Packet struct {
	Protocol uint8
	// Source and Destination have port 0 if the protocol has no ports.
	Source, Destination netip.AddrPort
	// Type and Code are those of an ICMP or ICMPv6 message.
	Type, Code uint8
}

// IANA numbers of the protocols with more fields than addresses.
const (
	icmp   = 1
	tcp    = 6
	udp    = 17
	icmpv6 = 58
	sctp   = 132
)

func decode(message []byte) (Entry, error) {
	if len(message) < headerBytes {
		return Entry{}, fmt.Errorf("a message of %d bytes is too short", len(message))
	}
	ad, err := netlink.NewAttributeDecoder(message[headerBytes:])
	if err != nil {
		return Entry{}, err
	}
	ad.ByteOrder = binary.BigEndian
	var e Entry
	for ad.Next() {
		switch ad.Type() {
		case attributePrefix:
			e.Prefix = ad.String()
		case attributeIn:
			e.In = int(ad.Uint32())
		case attributeOut:
			e.Out = int(ad.Uint32())
		case attributePayload:
			e.Packet = decodePacket(ad.Bytes())
		}
	}
	return e, ad.Err()
}

// decodePacket decodes as much of a packet as possible. Truncated and malformed packets must be logged too.
func decodePacket(data []byte) (p Packet) {
	switch {
	case len(data) >= 20 && data[0]>>4 == 4:
		p.Protocol = data[9]
		p.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte(data[12:16])), 0)
		p.Destination = netip.AddrPortFrom(netip.AddrFrom4([4]byte(data[16:20])), 0)
		fragment := binary.BigEndian.Uint16(data[6:8]) & 0x1fff
		if header := int(data[0]&0x0f) * 4; fragment == 0 && header >= 20 && header <= len(data) {
			p.decodeTransport(data[header:])
		}
	case len(data) >= 40 && data[0]>>4 == 6:
		p.Protocol = data[6]
		p.Source = netip.AddrPortFrom(netip.AddrFrom16([16]byte(data[8:24])), 0)
		p.Destination = netip.AddrPortFrom(netip.AddrFrom16([16]byte(data[24:40])), 0)
		p.decodeTransport(data[40:])
	}
	return p
}

func (p *Packet) decodeTransport(data []byte) {
	if len(data) < 4 {
		return
	}
	switch p.Protocol {
	case tcp, udp, sctp:
		p.Source = netip.AddrPortFrom(p.Source.Addr(), binary.BigEndian.Uint16(data))
		p.Destination = netip.AddrPortFrom(p.Destination.Addr(), binary.BigEndian.Uint16(data[2:]))
	case icmp, icmpv6:
		p.Type, p.Code = data[0], data[1]
	}
}

// ProtocolName returns the protocol's name or, for an unknown protocol, its number.
func (p Packet) ProtocolName() string {
	names := map[uint8]string{icmp: "ICMP", tcp: "TCP", udp: "UDP", icmpv6: "ICMPv6", sctp: "SCTP"}
	if name, ok := names[p.Protocol]; ok {
		return name
	}
	return fmt.Sprint(p.Protocol)
}

// IsICMP reports whether the packet has a Type and a Code.
func (p Packet) IsICMP() bool { return p.Protocol == icmp || p.Protocol == icmpv6 }
