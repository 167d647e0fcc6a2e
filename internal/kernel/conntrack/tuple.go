package conntrack

import (
	"fmt"
	"net/netip"
)

// The IP protocols for which connection tracking knows more than the addresses.
const (
	ProtocolICMP    uint8 = 1
	ProtocolTCP     uint8 = 6
	ProtocolUDP     uint8 = 17
	ProtocolDCCP    uint8 = 33
	ProtocolGRE     uint8 = 47
	ProtocolICMPv6  uint8 = 58
	ProtocolSCTP    uint8 = 132
	ProtocolUDPLite uint8 = 136
)

// Tuple identifies one direction of an entry, as in the packets of that direction.
type Tuple struct {
	Src, Dst netip.Addr
	Protocol uint8
	// SrcPort and DstPort are the ports of TCP, UDP, UDP-Lite, SCTP and DCCP, or the keys of GRE.
	SrcPort, DstPort uint16
	// ICMPType, ICMPCode and ICMPID come from the ICMP or ICMPv6 message that created the entry.
	ICMPType, ICMPCode uint8
	ICMPID             uint16
	// Zone is the zone of this direction alone (CTA_TUPLE_ZONE). A zone of both directions is in Flow.Zone.
	Zone uint16
}

// HasPorts reports whether the protocol uses SrcPort and DstPort.
func (t Tuple) HasPorts() bool {
	switch t.Protocol {
	case ProtocolTCP, ProtocolUDP, ProtocolDCCP, ProtocolGRE, ProtocolSCTP, ProtocolUDPLite:
		return true
	default:
		return false
	}
}

// IsICMP reports whether the protocol uses the ICMP fields.
func (t Tuple) IsICMP() bool {
	return t.Protocol == ProtocolICMP || t.Protocol == ProtocolICMPv6
}

// Inverse returns the tuple of the untranslated reply. It does not contain the zone of the direction, as in the kernel.
func (t Tuple) Inverse() Tuple {
	t.Src, t.Dst = t.Dst, t.Src
	t.SrcPort, t.DstPort = t.DstPort, t.SrcPort
	if t.IsICMP() {
		t.ICMPType = replyType(t.Protocol, t.ICMPType)
	}
	t.Zone = 0
	return t
}

// replyType returns the ICMP type that answers a type. A type without an answer is returned as it is. The kernel never
// creates an entry for such a type.
func replyType(protocol, icmpType uint8) uint8 {
	pairs := [][2]uint8{{0, 8}, {13, 14}, {15, 16}, {17, 18}} // echo, timestamp, information, address mask
	if protocol == ProtocolICMPv6 {
		pairs = [][2]uint8{{128, 129}, {139, 140}} // echo, node information
	}
	for _, p := range pairs {
		switch icmpType {
		case p[0]:
			return p[1]
		case p[1]:
			return p[0]
		}
	}
	return icmpType
}

// valid reports whether the tuple can identify an entry: it needs two addresses of one family.
func (t Tuple) valid() bool {
	return t.Src.IsValid() && t.Dst.IsValid() && t.Src.Is4() == t.Dst.Is4()
}

// String returns a short text for logs and tests.
func (t Tuple) String() string {
	switch {
	case t.HasPorts():
		src, dst := netip.AddrPortFrom(t.Src, t.SrcPort), netip.AddrPortFrom(t.Dst, t.DstPort)
		return fmt.Sprintf("%d %s > %s", t.Protocol, src, dst)
	case t.IsICMP():
		return fmt.Sprintf("%d %s > %s type %d code %d id %d", t.Protocol, t.Src, t.Dst, t.ICMPType, t.ICMPCode, t.ICMPID)
	default:
		return fmt.Sprintf("%d %s > %s", t.Protocol, t.Src, t.Dst)
	}
}
