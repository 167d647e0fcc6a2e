package bpf

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Kind is a kind of packet that never passes from a segment, whether the gate is open or closed.
type Kind int

// The kinds of packets that the guard drops.
const (
	// RouterSolicitation and RouterAdvertisement are of IPv6 (RFC 4861) and IPv4 (RFC 1256).
	RouterSolicitation Kind = iota
	RouterAdvertisement
	// Redirect is of ICMP or ICMPv6.
	Redirect
	// ControlAddress is to or from an address of the control plane.
	ControlAddress
	// Malformed has more VLAN tags or IPv6 extension headers than the guard skips, or is too short for its type.
	Malformed
	// Kinds is the number of kinds.
	Kinds
)

// String returns the name of the kind for the label of a metric.
func (k Kind) String() string {
	switch k {
	case RouterSolicitation:
		return "RouterSolicitation"
	case RouterAdvertisement:
		return "RouterAdvertisement"
	case Redirect:
		return "Redirect"
	case ControlAddress:
		return "ControlAddress"
	case Malformed:
		return "Malformed"
	default:
		return fmt.Sprintf("Kind%d", int(k))
	}
}

// Offsets in struct __sk_buff (include/uapi/linux/bpf.h).
const (
	skbMark    = 8
	skbData    = 76
	skbDataEnd = 80
)

// Types of ICMP messages (RFC 792, RFC 1256) and ICMPv6 messages (RFC 4861).
const (
	icmpRedirect            = 5
	icmpRouterAdvertisement = 9
	icmpRouterSolicitation  = 10

	icmpv6RouterSolicitation = 133
	icmpv6Redirect           = 137
)

// maximumGuarded bounds the IPv6 extension headers that the guard looks behind. A legitimate packet has fewer.
const maximumGuarded = 6

// guard drops what must not come from a segment: messages of routers, and packets to or from the control plane's
// addresses. Messages of routers hide behind VLAN tags, IPv4 options, IPv6 extension headers and in first fragments, so
// the guard looks there. Later fragments are useless without the first.
//
// Nearly all packets need no closer look. The first part reads them in place, and leaves the others to the second
// part.
func (a *assembly) guard() {
	a.quickGuard()
	a.label("look closer")
	a.ethernetOrDrop()
	a.add(
		asm.JEq.Imm(kind, unix.ETH_P_IP, "guard IPv4"),
		asm.JEq.Imm(kind, unix.ETH_P_IPV6, "guard IPv6"),
		asm.JEq.Imm(kind, unix.ETH_P_ARP, "mark ARP"),
		asm.Ja.Label("guarded"),
	)
	a.markARP()
	a.guardIPv4()
	a.guardIPv6()
	for k := range Kinds {
		a.label("drop " + k.String())
		a.add(
			asm.LoadMapValue(asm.R1, a.permit.FD(), uint32(droppedAt+8*int(k))),
			asm.Mov.Imm(asm.R2, 1),
			asm.StoreXAdd(asm.R1, asm.R2, asm.DWord),
			asm.Ja.Label("drop"),
		)
	}
	a.label("guarded")
}

// markARP marks ARP packets as those of the data plane. The kernel looks up a route before it answers for an address
// that the unit publishes, and rules do not see ARP.
func (a *assembly) markARP() {
	a.label("other type")
	a.add(asm.JNE.Imm(asm.R1, unix.ETH_P_ARP, "guarded"))
	a.label("mark ARP")
	a.add(
		asm.LoadMem(asm.R1, packet, skbMark, asm.Word),
		asm.Or.Imm(asm.R1, int32(a.mark)),
		asm.StoreMem(packet, skbMark, asm.R1, asm.Word),
		asm.Ja.Label("guarded"),
	)
}

// quickGuard passes IPv4 packets without ICMP, IPv6 packets without ICMPv6 and extension headers, and other types of
// frames without tags. It drops what concerns the control plane's addresses.
func (a *assembly) quickGuard() {
	const data, end, shared = asm.R7, asm.R8, asm.R9
	a.add(
		asm.LoadMem(data, packet, skbData, asm.Word),
		asm.LoadMem(end, packet, skbDataEnd, asm.Word),
		asm.LoadMapValue(shared, a.permit.FD(), 0),
		asm.Mov.Reg(asm.R1, data), asm.Add.Imm(asm.R1, ethernetLength+ipv4Length),
		asm.JGT.Reg(asm.R1, end, "look closer"),
		asm.LoadMem(asm.R1, data, ethernetType, asm.Half),
		asm.HostTo(asm.BE, asm.R1, asm.Half),
		asm.JEq.Imm(asm.R1, unix.ETH_P_IPV6, "quick IPv6"),
		asm.JEq.Imm(asm.R1, unix.ETH_P_8021Q, "look closer"),
		asm.JEq.Imm(asm.R1, unix.ETH_P_8021AD, "look closer"),
		asm.JNE.Imm(asm.R1, unix.ETH_P_IP, "other type"),
		asm.LoadMem(asm.R1, data, ethernetLength+ipv4Protocol, asm.Byte),
		asm.JEq.Imm(asm.R1, unix.IPPROTO_ICMP, "look closer"),
		asm.LoadMem(asm.R1, data, ethernetLength+ipv4Destination, asm.Word),
	)
	a.dropControl4(shared)
	a.add(asm.Ja.Label("guarded"))

	a.label("quick IPv6")
	a.add(
		asm.Mov.Reg(asm.R1, data), asm.Add.Imm(asm.R1, ethernetLength+ipv6Length),
		asm.JGT.Reg(asm.R1, end, "look closer"),
		asm.LoadMem(asm.R1, data, ethernetLength+ipv6Next, asm.Byte),
	)
	for _, next := range []int32{
		unix.IPPROTO_ICMPV6, unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_DSTOPTS, unix.IPPROTO_FRAGMENT,
	} {
		a.add(asm.JEq.Imm(asm.R1, next, "look closer"))
	}
	for _, at := range []int16{ipv6Destination, ipv6Source} {
		// The header begins in the middle of a word, so it is read by halves.
		a.add(
			asm.LoadMem(asm.R1, data, ethernetLength+at, asm.Word),
			asm.LoadMem(asm.R2, data, ethernetLength+at+4, asm.Word),
			asm.LoadMem(asm.R3, data, ethernetLength+at+8, asm.Word),
			asm.LoadMem(asm.R4, data, ethernetLength+at+12, asm.Word),
		)
		a.dropControl6(shared, "quick", at)
	}
	a.add(asm.Ja.Label("guarded"))
}

// dropControl4 drops the packet if R1 is an IPv4 address of the control plane. The address of nobody is dropped too.
func (a *assembly) dropControl4(shared asm.Register) {
	for n := range MaximumControl {
		a.add(
			asm.LoadMem(asm.R2, shared, int16(controlAt4+4*n), asm.Word),
			asm.JEq.Reg(asm.R1, asm.R2, "drop "+ControlAddress.String()),
		)
	}
}

// dropControl6 drops the packet if R1 to R4 are an IPv6 address of the control plane. An empty slot matches nothing,
// since packets without a source are legitimate.
func (a *assembly) dropControl6(shared asm.Register, part string, at int16) {
	for n := range MaximumControl {
		next := fmt.Sprintf("%s %d not %d", part, at, n)
		slot := int16(controlAt6 + 16*n)
		a.add(
			asm.LoadMem(asm.R5, shared, slot+12, asm.Word), asm.JNE.Reg(asm.R5, asm.R4, next),
			asm.LoadMem(asm.R5, shared, slot, asm.Word), asm.JNE.Reg(asm.R5, asm.R1, next),
			asm.JEq.Imm(asm.R5, 0, next), // no address in use begins with zeros
			asm.LoadMem(asm.R5, shared, slot+4, asm.Word), asm.JNE.Reg(asm.R5, asm.R2, next),
			asm.LoadMem(asm.R5, shared, slot+8, asm.Word), asm.JNE.Reg(asm.R5, asm.R3, next),
			asm.Ja.Label("drop "+ControlAddress.String()),
		)
		a.label(next)
	}
}

// ethernetOrDrop reads the Ethernet header and skips VLAN tags. The kernel removes any number of tags of VLAN 0, so a
// frame with more tags than are skipped is dropped.
func (a *assembly) ethernetOrDrop() {
	malformed := "drop " + Malformed.String()
	a.onShort = malformed
	a.ethernetNamed("guard ")
	a.add(
		asm.JEq.Imm(kind, unix.ETH_P_8021Q, malformed),
		asm.JEq.Imm(kind, unix.ETH_P_8021AD, malformed),
	)
}

// guardIPv4 reads an IPv4 header with its options and, in the first fragment, the type of an ICMP message.
func (a *assembly) guardIPv4() {
	a.label("guard IPv4")
	a.ipv4()
	a.add(
		asm.LoadMapValue(asm.R9, a.permit.FD(), 0),
		asm.LoadMem(asm.R1, asm.R10, networkAt+ipv4Destination, asm.Word),
	)
	a.dropControl4(asm.R9)
	a.byteAt(asm.R1, networkAt+ipv4Protocol)
	a.add(asm.JNE.Imm(asm.R1, unix.IPPROTO_ICMP, "guarded"))
	a.numberAt(asm.R1, networkAt+ipv4Fragment)
	a.add(asm.And.Imm(asm.R1, 0x1fff), asm.JNE.Imm(asm.R1, 0, "guarded")) // a later fragment
	a.load(transportAt, 1)
	a.byteAt(asm.R1, transportAt)
	a.add(
		asm.JEq.Imm(asm.R1, icmpRedirect, "drop "+Redirect.String()),
		asm.JEq.Imm(asm.R1, icmpRouterAdvertisement, "drop "+RouterAdvertisement.String()),
		asm.JEq.Imm(asm.R1, icmpRouterSolicitation, "drop "+RouterSolicitation.String()),
		asm.Ja.Label("guarded"),
	)
}

// guardIPv6 reads an IPv6 header with its extension headers and, in the first fragment, the type of an ICMPv6 message.
func (a *assembly) guardIPv6() {
	a.label("guard IPv6")
	a.ipv6()
	a.add(asm.LoadMapValue(asm.R9, a.permit.FD(), 0))
	for _, at := range []int16{ipv6Destination, ipv6Source} {
		a.add(
			asm.LoadMem(asm.R1, asm.R10, networkAt+at, asm.Word),
			asm.LoadMem(asm.R2, asm.R10, networkAt+at+4, asm.Word),
			asm.LoadMem(asm.R3, asm.R10, networkAt+at+8, asm.Word),
			asm.LoadMem(asm.R4, asm.R10, networkAt+at+12, asm.Word),
		)
		a.dropControl6(asm.R9, "guard", at)
	}
	a.byteAt(kind, networkAt+ipv6Next)
	for n := range maximumGuarded {
		extension, fragment := fmt.Sprintf("guard extension %d", n), fmt.Sprintf("guard fragment %d", n)
		behind := fmt.Sprintf("guard behind %d", n)
		a.ifExtension(extension)
		a.add(asm.JEq.Imm(kind, unix.IPPROTO_FRAGMENT, fragment), asm.Ja.Label("guard message"))

		a.label(fragment)
		a.load(transportAt, 4)
		a.numberAt(asm.R1, transportAt+2)
		a.add(asm.And.Imm(asm.R1, 0xfff8), asm.JNE.Imm(asm.R1, 0, "guarded")) // a later fragment
		a.byteAt(kind, transportAt)
		a.add(asm.Add.Imm(position, 8), asm.Ja.Label(behind))

		a.label(extension)
		a.load(transportAt, 2)
		a.byteAt(kind, transportAt)
		a.byteAt(asm.R1, transportAt+1)
		a.add(asm.Add.Imm(asm.R1, 1), asm.LSh.Imm(asm.R1, 3), asm.Add.Reg(position, asm.R1))
		a.label(behind)
	}
	a.ifExtension("drop " + Malformed.String())
	a.add(asm.JEq.Imm(kind, unix.IPPROTO_FRAGMENT, "drop "+Malformed.String()))
	a.label("guard message")
	a.add(asm.JNE.Imm(kind, unix.IPPROTO_ICMPV6, "guarded"))
	a.load(transportAt, 1)
	a.byteAt(asm.R1, transportAt)
	a.add(
		asm.JEq.Imm(asm.R1, icmpv6RouterSolicitation, "drop "+RouterSolicitation.String()),
		asm.JEq.Imm(asm.R1, icmpv6Router, "drop "+RouterAdvertisement.String()),
		asm.JEq.Imm(asm.R1, icmpv6Redirect, "drop "+Redirect.String()),
	)
	a.add(asm.Ja.Label("guarded"))
}

// SetControlAddresses replaces the addresses of the control plane, which nothing on a segment may use. It returns those
// that have no room: a pod has one or two, and there is room for MaximumControl of each family.
func (p *Program) SetControlAddresses(addresses []netip.Addr) (without []netip.Addr) {
	var v4, v6 [MaximumControl][]byte
	var n4, n6 int
	for _, a := range addresses {
		switch {
		case a.Is4() && n4 < MaximumControl:
			v4[n4] = a.AsSlice()
			n4++
		case a.Is6() && n6 < MaximumControl:
			v6[n6] = a.AsSlice()
			n6++
		default:
			without = append(without, a)
		}
	}
	for n := range MaximumControl {
		p.store(controlAt4+4*n, 4, v4[n])
		p.store(controlAt6+16*n, 16, v6[n])
	}
	return without
}

// store writes an address, or zeros, into the shared memory.
func (p *Program) store(at, length int, address []byte) {
	if address == nil {
		address = make([]byte, length)
	}
	if !slices.Equal(p.shared[at:at+length], address) {
		copy(p.shared[at:], address)
	}
}

// Dropped returns how many packets of a kind the guard has dropped.
func (p *Program) Dropped(k Kind) uint64 { return p.word(uintptr(droppedAt + 8*int(k))).Load() }
