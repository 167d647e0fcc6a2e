package bpf

import (
	"fmt"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Lengths and offsets of headers, from IEEE 802.3 and 802.1Q, and RFC 826, 791, 8200, 4443 and 4861.
const (
	ethernetLength = 14
	ethernetSource = 6
	ethernetType   = 12
	tagLength      = 4
	tagType        = 2

	arpLength         = 28
	arpProtocol       = 2
	arpAddressLengths = 4
	arpSenderMAC      = 8
	arpSender         = 14
	arpTarget         = 24

	ipv4Length      = 20
	ipv4Fragment    = 6
	ipv4Protocol    = 9
	ipv4Source      = 12
	ipv4Destination = 16

	ipv6Length      = 40
	ipv6Next        = 6
	ipv6Source      = 8
	ipv6Destination = 24

	// neighbourLength is the part of a neighbour solicitation or advertisement up to the end of its target.
	neighbourLength = 24
	neighbourTarget = 8
)

const (
	// maximumTags bounds the VLAN tags that are skipped. The kernel may have removed one more before.
	maximumTags = 2
	// maximumExtensions bounds the IPv6 extension headers that are skipped. The kernel itself sends one, in messages of
	// multicast listeners.
	maximumExtensions = 2
)

// Types of ICMPv6 messages.
const (
	icmpv6ListenerQuery  = 130
	icmpv6ListenerReport = 131
	icmpv6Router         = 134
	icmpv6Solicitation   = 135
	icmpv6Advertisement  = 136
)

// ethernet reads the Ethernet header and skips VLAN tags. Afterwards, the position is that of the next header, and the
// kind is its type. With too many tags the kind is that of a tag.
func (a *assembly) ethernet() { a.ethernetNamed("") }

// ethernetNamed adds the same instructions with a prefix for their labels, since a program may have them twice.
func (a *assembly) ethernetNamed(prefix string) {
	a.add(asm.Mov.Imm(position, 0))
	a.load(ethernetAt, ethernetLength)
	a.numberAt(kind, ethernetAt+ethernetType)
	a.add(asm.Mov.Imm(position, ethernetLength))
	for tag := range maximumTags {
		tagged, inner := fmt.Sprintf("%stag %d", prefix, tag), fmt.Sprintf("%sbehind tag %d", prefix, tag)
		a.add(
			asm.JEq.Imm(kind, unix.ETH_P_8021Q, tagged),
			asm.JNE.Imm(kind, unix.ETH_P_8021AD, inner),
		)
		a.label(tagged)
		a.load(tagAt, tagLength)
		a.numberAt(kind, tagAt+tagType)
		a.add(asm.Add.Imm(position, tagLength))
		a.label(inner)
	}
}

// byType continues at the label of the frame's type. Frames of other types are dropped.
func (a *assembly) byType() {
	a.add(
		asm.JEq.Imm(kind, unix.ETH_P_IP, "IPv4"),
		asm.JEq.Imm(kind, unix.ETH_P_IPV6, "IPv6"),
		asm.JEq.Imm(kind, unix.ETH_P_ARP, "ARP"),
		asm.Ja.Label("drop"),
	)
}

// arp reads an ARP packet of IPv4 over Ethernet and drops any other.
func (a *assembly) arp() {
	a.load(networkAt, arpLength)
	a.numberAt(asm.R1, networkAt)
	a.add(asm.JNE.Imm(asm.R1, unix.ARPHRD_ETHER, "drop"))
	a.numberAt(asm.R1, networkAt+arpProtocol)
	a.add(asm.JNE.Imm(asm.R1, unix.ETH_P_IP, "drop"))
	a.numberAt(asm.R1, networkAt+arpAddressLengths)
	a.add(asm.JNE.Imm(asm.R1, 6<<8|4, "drop"))
}

// ipv4 reads the header of an IPv4 packet, and moves the position past it and its options.
func (a *assembly) ipv4() {
	a.load(networkAt, ipv4Length)
	a.version(4)
	a.byteAt(asm.R1, networkAt)
	a.add(
		asm.And.Imm(asm.R1, 0xf), // in units of four bytes
		asm.JLT.Imm(asm.R1, ipv4Length/4, a.onShort),
		asm.LSh.Imm(asm.R1, 2),
		asm.Add.Reg(position, asm.R1),
	)
}

// ipv6 reads the header of an IPv6 packet, and moves the position past it.
func (a *assembly) ipv6() {
	a.load(networkAt, ipv6Length)
	a.version(6)
	a.add(asm.Add.Imm(position, ipv6Length))
}

func (a *assembly) version(number int32) {
	a.byteAt(asm.R1, networkAt)
	a.add(asm.RSh.Imm(asm.R1, 4), asm.JNE.Imm(asm.R1, number, a.onShort))
}

// extensions skips the IPv6 extension headers that may precede a neighbour discovery message. Afterwards, the kind is
// that of the next header. It drops a chain that is longer than in any legitimate packet. It does not skip a fragment
// header: neighbour discovery messages must not be fragmented, and hosts ignore fragments of them (RFC 6980).
func (a *assembly) extensions() {
	a.byteAt(kind, networkAt+ipv6Next)
	for n := range maximumExtensions {
		extension, behind := fmt.Sprintf("extension %d", n), fmt.Sprintf("behind extension %d", n)
		a.ifExtension(extension)
		a.add(asm.Ja.Label(behind))
		a.label(extension)
		a.load(transportAt, 2)
		a.byteAt(kind, transportAt)
		a.byteAt(asm.R1, transportAt+1)
		a.add(
			asm.Add.Imm(asm.R1, 1),
			asm.LSh.Imm(asm.R1, 3), // in units of eight bytes, the first not counted
			asm.Add.Reg(position, asm.R1),
		)
		a.label(behind)
	}
	a.ifExtension("drop")
}

func (a *assembly) ifExtension(label string) {
	a.add(
		asm.JEq.Imm(kind, unix.IPPROTO_HOPOPTS, label),
		asm.JEq.Imm(kind, unix.IPPROTO_ROUTING, label),
		asm.JEq.Imm(kind, unix.IPPROTO_DSTOPTS, label),
	)
}
