package ruleset

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
)

// A match has its type, its text and its steps together here, so that a new one is added in this file alone.

// InInterface matches the interface that a packet came from.
type InInterface struct{ Set string }

func (e InInterface) String() string { return "iifname @" + e.Set }

// steps looks the name of the interface up in the set.
func (e InInterface) steps() []Step { return []Step{LoadMeta{metaInInterface}, InSet(e)} }

// OutInterface matches the interface that a packet goes to. A packet to the unit itself has no such interface.
type OutInterface struct{ Set string }

func (e OutInterface) String() string { return "oifname @" + e.Set }

// steps looks the name of the interface up in the set.
func (e OutInterface) steps() []Step { return []Step{LoadMeta{metaOutInterface}, InSet(e)} }

// IsFamily matches packets of one family.
type IsFamily struct{ Family Family }

// String returns the match of the family in nft.
func (e IsFamily) String() string {
	if e.Family == IPv4 {
		return "meta nfproto ipv4"
	}
	return "meta nfproto ipv6"
}

// steps compares the number that netfilter gives the family.
func (e IsFamily) steps() []Step {
	return []Step{LoadMeta{metaFamily}, Equal{[]byte{e.Family.Number()}}}
}

// Source matches the source against an address set of the family.
type Source struct {
	Family Family
	Set    string
}

func (e Source) String() string { return e.Family.String() + " saddr @" + e.Set }

// steps looks the source address up in the set.
func (e Source) steps() []Step { return withFamily(e.Family, e.Family.loadSource(), InSet{e.Set}) }

// Destination matches the destination against an address set of the family.
type Destination struct {
	Family Family
	Set    string
}

func (e Destination) String() string { return e.Family.String() + " daddr @" + e.Set }

// steps looks the destination address up in the set.
func (e Destination) steps() []Step {
	return withFamily(e.Family, e.Family.loadDestination(), InSet{e.Set})
}

// SourceIn matches the source against one range of addresses.
type SourceIn struct{ Run AddressRun }

func (e SourceIn) String() string { return e.Run.match("saddr") }

// steps compares the source address.
func (e SourceIn) steps() []Step { return e.Run.steps(e.Run.family().sourceHeader()) }

// DestinationIn matches the destination against one range of addresses.
type DestinationIn struct{ Run AddressRun }

func (e DestinationIn) String() string { return e.Run.match("daddr") }

// steps compares the destination address.
func (e DestinationIn) steps() []Step { return e.Run.steps(e.Run.family().destinationHeader()) }

// Marked returns the match of packets whose mark has all of the bits.
func Marked(bits uint32) PacketMarkIs { return PacketMarkIs{Value: bits, Mask: bits} }

// Unmarked returns the match of packets whose mark has none of the bits.
func Unmarked(bits uint32) PacketMarkIs { return PacketMarkIs{Mask: bits} }

// PacketMarkIs matches packets whose mark has a value in the bits of a mask.
type PacketMarkIs struct{ Value, Mask uint32 }

// String returns the match in nft.
func (e PacketMarkIs) String() string {
	if e.Value == 0 {
		return fmt.Sprintf("meta mark & %#08x == 0", e.Mask)
	}
	return fmt.Sprintf("meta mark & %#08x == %#08x", e.Mask, e.Value)
}

// steps compares the bits of the mask.
func (e PacketMarkIs) steps() []Step {
	return []Step{LoadMeta{metaMark}, Mask{native(e.Mask)}, Equal{native(e.Value)}}
}

// DestinationIs matches one destination address.
type DestinationIs struct{ Address netip.Addr }

func (e DestinationIs) String() string {
	return fmt.Sprintf("%s daddr %s", FamilyOf(e.Address), e.Address)
}

// steps compares the destination address.
func (e DestinationIs) steps() []Step {
	family := FamilyOf(e.Address)
	return withFamily(family, family.loadDestination(), Equal{e.Address.AsSlice()})
}

// HopLimit matches the hop limit of IPv6 packets. A packet that arrives with 255 has passed no router.
type HopLimit uint8

func (e HopLimit) String() string { return fmt.Sprintf("ip6 hoplimit %d", uint8(e)) }

// steps compares the eighth byte of the IPv6 header (RFC 8200).
func (e HopLimit) steps() []Step {
	return withFamily(IPv6, LoadHeader{networkHeader, 7, 1}, Equal{[]byte{uint8(e)}})
}

// NoRouteBack matches packets to whose source the kernel has no route. With In, the route must use the interface that
// the packet came from. The lookup sees the packet's mark. Addresses of the unit itself have no such route.
type NoRouteBack struct{ In bool }

// String returns the match in nft.
func (e NoRouteBack) String() string {
	if e.In {
		return "fib saddr . mark . iif oif missing"
	}
	return "fib saddr . mark oif missing"
}

// steps tests that the lookup has no result.
func (e NoRouteBack) steps() []Step {
	return []Step{LoadRoute{Source: true, Mark: true, In: e.In}, Equal{make([]byte, 4)}}
}

// KnownSource matches packets whose interface and source are in a cache.
type KnownSource struct{ Cache SourceCache }

func (e KnownSource) String() string {
	return fmt.Sprintf("iif . %s saddr @%s", e.Cache.Family, e.Cache.Name)
}

// steps looks up the index of the interface with the source. It is shorter than the name, and thus faster.
func (e KnownSource) steps() []Step {
	return withFamily(e.Cache.Family, append(e.Cache.key(), InSet{e.Cache.Name})...)
}

// key loads the index of the interface and the source.
func (c SourceCache) key() []Step {
	return []Step{LoadMeta{metaInIndex}, LoadHeaderNext(c.Family.sourceHeader())}
}

// AddressType is a type of an address in the kernel's routing tables (RTN_LOCAL and others of linux/rtnetlink.h).
type AddressType uint32

// The types in use.
const (
	LocalAddress     AddressType = 2
	BroadcastAddress AddressType = 3
	MulticastAddress AddressType = 5
)

// String returns the type in nft.
func (t AddressType) String() string {
	return map[AddressType]string{LocalAddress: "local", BroadcastAddress: "broadcast", MulticastAddress: "multicast"}[t]
}

// SourceType matches the type of the source address.
type SourceType struct{ Type AddressType }

func (e SourceType) String() string { return "fib saddr type " + e.Type.String() }

// steps compares the type that the kernel finds.
func (e SourceType) steps() []Step {
	return []Step{LoadRoute{Source: true, Type: true}, Equal{native(uint32(e.Type))}}
}

// ToOwnAddress matches packets to an address of the unit. With In, it must be one of the interface that the packet came
// from.
type ToOwnAddress struct{ In bool }

// String returns the match in nft.
func (e ToOwnAddress) String() string {
	if e.In {
		return "fib daddr . iif type local"
	}
	return "fib daddr type local"
}

// steps compares the type that the kernel finds.
func (e ToOwnAddress) steps() []Step {
	return []Step{LoadRoute{Type: true, In: e.In}, Equal{native(uint32(LocalAddress))}}
}

// SourceIs matches one source address.
type SourceIs struct{ Address netip.Addr }

func (e SourceIs) String() string { return fmt.Sprintf("%s saddr %s", FamilyOf(e.Address), e.Address) }

// steps compares the source address.
func (e SourceIs) steps() []Step {
	family := FamilyOf(e.Address)
	return withFamily(family, family.loadSource(), Equal{e.Address.AsSlice()})
}

// LinkLocalSource matches IPv6 packets with a link-local source, which no router forwards.
type LinkLocalSource struct{}

func (LinkLocalSource) String() string { return "ip6 saddr fe80::/10" }

// steps compares the first ten bits of the source (RFC 4291).
func (LinkLocalSource) steps() []Step {
	first, mask := make([]byte, 16), make([]byte, 16)
	first[0], first[1], mask[0], mask[1] = 0xfe, 0x80, 0xff, 0xc0
	return withFamily(IPv6, IPv6.loadSource(), Mask{mask}, Equal{first})
}

// Protocol matches the number of the transport protocol.
type Protocol uint8

// The protocols in use, by their IANA numbers.
const (
	ICMP   Protocol = 1
	IGMP   Protocol = 2
	TCP    Protocol = 6
	UDP    Protocol = 17
	GRE    Protocol = 47
	ESP    Protocol = 50
	AH     Protocol = 51
	ICMPv6 Protocol = 58
	OSPF   Protocol = 89
	SCTP   Protocol = 132
)

// String returns the match of the protocol in nft.
func (e Protocol) String() string {
	names := map[Protocol]string{
		ICMP: "icmp", IGMP: "igmp", TCP: "tcp", UDP: "udp", GRE: "gre", ESP: "esp", AH: "ah", ICMPv6: "ipv6-icmp",
		SCTP: "sctp", OSPF: "ospf",
	}
	if name, ok := names[e]; ok {
		return "meta l4proto " + name
	}
	return "meta l4proto " + strconv.Itoa(int(e))
}

// steps compares the number of the protocol.
func (e Protocol) steps() []Step {
	return []Step{LoadMeta{metaTransportProtocol}, Equal{[]byte{uint8(e)}}}
}

// Port matches the destination port against a port set. A Protocol with ports must precede it.
type Port struct{ Set string }

func (e Port) String() string { return "th dport @" + e.Set }

// steps looks the second field of the transport header up in the set.
func (e Port) steps() []Step { return []Step{LoadHeader{transportHeader, 2, 2}, InSet(e)} }

// PortIn matches the destination port against one range of ports. A Protocol with ports must precede it.
type PortIn struct{ Run PortRun }

func (e PortIn) String() string { return "th dport " + e.Run.String() }

// steps compares the second field of the transport header.
func (e PortIn) steps() []Step {
	first, last := binary.BigEndian.AppendUint16(nil, e.Run.First), binary.BigEndian.AppendUint16(nil, e.Run.Last)
	return append([]Step{LoadHeader{transportHeader, 2, 2}}, between(first, last)...)
}

// ICMPType matches ICMP (IPv4) or ICMPv6 (IPv6) messages of a type, with any code.
type ICMPType struct {
	Family Family
	Type   uint8
}

func (e ICMPType) String() string {
	return fmt.Sprintf("%s type %d", icmpName(e.Family), e.Type)
}

// steps compares the first byte of the message.
func (e ICMPType) steps() []Step {
	return withICMP(e.Family, LoadHeader{transportHeader, 0, 1}, Equal{[]byte{e.Type}})
}

// ICMPMessage matches ICMP (IPv4) or ICMPv6 (IPv6) messages of a type and code.
type ICMPMessage struct {
	Family     Family
	Type, Code uint8
}

func (e ICMPMessage) String() string {
	name := icmpName(e.Family)
	return fmt.Sprintf("%s type %d %s code %d", name, e.Type, name, e.Code)
}

// steps compares the first two bytes of the message.
func (e ICMPMessage) steps() []Step {
	return withICMP(e.Family, LoadHeader{transportHeader, 0, 2}, Equal{[]byte{e.Type, e.Code}})
}

// NotSYN matches TCP segments that do not open a connection, which is a SYN without ACK, RST and FIN.
type NotSYN struct{}

func (NotSYN) String() string { return "tcp flags & (fin | syn | rst | ack) != syn" }

// steps compares the flags in the fourteenth byte of the TCP header.
func (NotSYN) steps() []Step {
	const fin, syn, rst, ack = 0x01, 0x02, 0x04, 0x10
	return append(TCP.steps(),
		LoadHeader{transportHeader, 13, 1}, Mask{[]byte{fin | syn | rst | ack}}, NotEqual{[]byte{syn}})
}

// IsSYN matches TCP segments that open a connection or answer to that: SYN without RST. They announce the maximum
// segment size.
type IsSYN struct{}

func (IsSYN) String() string { return "tcp flags & (syn | rst) == syn" }

// steps compares the flags in the fourteenth byte of the TCP header.
func (IsSYN) steps() []Step {
	const syn, rst = 0x02, 0x04
	return append(TCP.steps(), LoadHeader{transportHeader, 13, 1}, Mask{[]byte{syn | rst}}, Equal{[]byte{syn}})
}

// State matches the state that connection tracking gives a packet.
type State uint8

// The states of connection tracking in use.
const (
	Established State = iota
	Related
	Invalid
	New
)

// String returns the match of the state in nft.
func (e State) String() string {
	return "ct state " + [...]string{"established", "related", "invalid", "new"}[e]
}

// steps tests the bit of the state (NF_CT_STATE_BIT of the kernel).
func (e State) steps() []Step {
	bit := [...]uint32{Established: 2, Related: 4, Invalid: 1, New: 8}[e]
	return []Step{
		LoadConnection{connectionState},
		Mask{binary.NativeEndian.AppendUint32(nil, bit)},
		NotEqual{make([]byte, 4)},
	}
}

// withFamily returns the steps for packets of one family.
func withFamily(f Family, steps ...Step) []Step { return append(IsFamily{f}.steps(), steps...) }

// withICMP returns the steps for ICMP messages of one family.
func withICMP(f Family, steps ...Step) []Step {
	protocol := ICMP
	if f == IPv6 {
		protocol = ICMPv6
	}
	return withFamily(f, append(protocol.steps(), steps...)...)
}

// loadSource loads the source address.
func (f Family) loadSource() Step { return f.sourceHeader() }

// loadDestination loads the destination address.
func (f Family) loadDestination() Step { return f.destinationHeader() }

// sourceHeader returns the place of the source address in the header (RFC 791 and RFC 8200).
func (f Family) sourceHeader() LoadHeader {
	if f == IPv4 {
		return LoadHeader{networkHeader, 12, 4}
	}
	return LoadHeader{networkHeader, 8, 16}
}

// destinationHeader returns the place of the destination address, which follows the source address.
func (f Family) destinationHeader() LoadHeader {
	if f == IPv4 {
		return LoadHeader{networkHeader, 16, 4}
	}
	return LoadHeader{networkHeader, 24, 16}
}

func icmpName(f Family) string {
	if f == IPv4 {
		return "icmp"
	}
	return "icmpv6"
}
