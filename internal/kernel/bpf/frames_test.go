package bpf

import (
	"encoding/binary"
	"net/netip"
)

// The stations of the segment: the unit with its own and virtual addresses, and a neighbour.
var (
	ownMAC       = MAC{2, 0, 0, 0, 0, 1}
	virtualMAC   = MAC{0, 0, 0x5e, 0, 1, 7}
	neighbourMAC = MAC{2, 0, 0, 0, 0, 9}

	own4, own6             = netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::2")
	link6                  = netip.MustParseAddr("fe80::2")
	virtual4, virtual6     = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	neighbour4, neighbour6 = netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::9")
	any4, any6             = netip.IPv4Unspecified(), netip.IPv6Unspecified()
	all4, all6             = netip.MustParseAddr("255.255.255.255"), netip.MustParseAddr("ff02::1")
	control4, control6     = netip.MustParseAddr("10.244.1.5"), netip.MustParseAddr("fd00:10:244:1::5")
	far4, far6             = netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("2001:db8:7::7")
)

var guarded = unit{
	own:     map[netip.Addr]bool{own4: true, own6: true, link6: true},
	macs:    map[MAC]bool{virtualMAC: true},
	control: map[netip.Addr]bool{control4: true, control6: true},
}

func ethernet(from MAC, kind uint16, payload ...byte) []byte {
	b := append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, from[:]...)
	return append(binary.BigEndian.AppendUint16(b, kind), payload...)
}

// tagged puts VLAN tags into a frame, the last one outermost.
func tagged(b []byte, kinds ...uint16) []byte {
	for _, kind := range kinds {
		tag := binary.BigEndian.AppendUint16(nil, kind)
		b = append(append(append([]byte{}, b[:12]...), append(tag, 0, 42)...), b[12:]...)
	}
	return b
}

func arp(from MAC, operation byte, sender, target netip.Addr) []byte {
	p := append([]byte{0, 1, 8, 0, 6, 4, 0, operation}, from[:]...)
	p = append(append(p, sender.AsSlice()...), 0, 0, 0, 0, 0, 0)
	return ethernet(from, 0x0806, append(p, target.AsSlice()...)...)
}

func ip4(from MAC, protocol byte, source, destination netip.Addr, payload ...byte) []byte {
	p := []byte{0x45, 0, 0, byte(20 + len(payload)), 0, 0, 0, 0, 64, protocol, 0, 0}
	p = append(append(p, source.AsSlice()...), destination.AsSlice()...)
	return ethernet(from, 0x0800, append(p, payload...)...)
}

func ip6(from MAC, next byte, source, destination netip.Addr, payload ...byte) []byte {
	p := []byte{0x60, 0, 0, 0, 0, byte(len(payload)), next, 255}
	p = append(append(p, source.AsSlice()...), destination.AsSlice()...)
	return ethernet(from, 0x86dd, append(p, payload...)...)
}

// extension returns an IPv6 extension header with a number of units of eight bytes after the first.
func extension(next, length byte, payload ...byte) []byte {
	return append(append([]byte{next, length}, make([]byte, 6+8*int(length))...), payload...)
}

// neighbour returns a solicitation or advertisement.
func neighbour(kind byte, target netip.Addr) []byte {
	return append([]byte{kind, 0, 0, 0, 0, 0, 0, 0}, target.AsSlice()...)
}

func udp(from, to uint16) []byte {
	return append(binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, from), to), 0, 8, 0, 0)
}

func changed(b []byte, at int, to byte) []byte {
	b = append([]byte{}, b...)
	b[at] = to
	return b
}

// sample is a frame and its verdicts at a closed gate: as an incoming frame and as an outgoing one.
type sample struct {
	name    string
	frame   []byte
	in, out bool
}

// samples returns frames of every relevant kind. Frames of a neighbour normally come in, and frames of the unit go out,
// but each is tested in both directions.
func samples() []sample {
	const in, out, no = true, true, false
	ping := []byte{8, 0, 0, 0, 0, 0, 0, 0}
	ping6 := []byte{128, 0, 0, 0, 0, 0, 0, 0}
	all := []sample{
		{"ping of an own address", ip4(neighbourMAC, 1, neighbour4, own4, ping...), in, no},
		{"ping of the virtual address", ip4(neighbourMAC, 1, neighbour4, virtual4, ping...), no, no},
		{"packet to be routed", ip4(neighbourMAC, 17, neighbour4, far4, udp(1, 2)...), no, no},
		{"broadcast", ip4(neighbourMAC, 17, neighbour4, all4, udp(1, 2)...), no, no},
		{"ping by the unit", ip4(ownMAC, 1, own4, far4, ping...), no, out},
		{"ping from the virtual address", ip4(ownMAC, 1, virtual4, far4, ping...), no, no},
		{"ping with the virtual MAC", ip4(virtualMAC, 1, own4, far4, ping...), no, no},
		{"ping of itself", ip4(ownMAC, 1, own4, own4, ping...), in, out},
		{"IPv4 with options", changed(ip4(neighbourMAC, 1, neighbour4, own4, make([]byte, 48)...), 14, 0x4f), in, no},
		{"IPv4 with too small a header", changed(ip4(ownMAC, 1, own4, own4, ping...), 14, 0x44), no, no},
		{"IPv4 that calls itself IPv6", changed(ip4(ownMAC, 1, own4, own4, ping...), 14, 0x65), no, no},
		{"fragment", changed(ip4(neighbourMAC, 17, neighbour4, own4, udp(1, 2)...), 21, 9), in, no},

		{"DHCP offer to all", ip4(neighbourMAC, 17, neighbour4, all4, udp(67, 68)...), in, no},
		{"DHCP offer to an address that is to come", ip4(neighbourMAC, 17, neighbour4, far4, udp(67, 68)...), in, no},
		{"DHCP request of others", ip4(neighbourMAC, 17, any4, all4, udp(68, 67)...), no, out},
		{"DHCP request", ip4(ownMAC, 17, any4, all4, udp(68, 67)...), no, out},
		{"DHCP with the virtual MAC", ip4(virtualMAC, 17, any4, all4, udp(68, 67)...), no, no},
		{"not DHCP but to its port", ip4(neighbourMAC, 17, neighbour4, far4, udp(53, 68)...), no, no},
		{"not DHCP but TCP", ip4(neighbourMAC, 6, neighbour4, far4, udp(67, 68)...), no, no},
		{"fragment like DHCP", changed(ip4(neighbourMAC, 17, neighbour4, far4, udp(67, 68)...), 20, 0x20), no, no},
		{"later fragment like DHCP", changed(ip4(neighbourMAC, 17, neighbour4, far4, udp(67, 68)...), 21, 1), no, no},
		{"DHCP that may not be fragmented", changed(ip4(neighbourMAC, 17, any4, all4, udp(67, 68)...), 20, 0x40), in, out},

		{"ARP for an own address", arp(neighbourMAC, 1, neighbour4, own4), in, no},
		{"ARP for the virtual address", arp(neighbourMAC, 1, neighbour4, virtual4), no, no},
		{"ARP for another", arp(neighbourMAC, 1, neighbour4, far4), no, no},
		{"ARP answer to the unit", arp(neighbourMAC, 2, neighbour4, own4), in, no},
		{"ARP answer to all", arp(neighbourMAC, 2, neighbour4, neighbour4), no, no},
		{"ARP by the unit", arp(ownMAC, 1, own4, neighbour4), no, out},
		{"ARP answer by the unit", arp(ownMAC, 2, own4, neighbour4), no, out},
		{"ARP announcement of an own address", arp(ownMAC, 1, own4, own4), in, out},
		{"ARP announcement of the virtual address", arp(ownMAC, 1, virtual4, virtual4), no, no},
		{"ARP answer for the virtual address", arp(ownMAC, 2, virtual4, neighbour4), no, no},
		{"ARP probe", arp(ownMAC, 1, any4, virtual4), no, out},
		{"ARP probe of an own address by others", arp(neighbourMAC, 1, any4, own4), in, out},
		{"ARP with the virtual MAC", arp(virtualMAC, 1, own4, neighbour4), no, no},
		{"ARP with the virtual MAC inside", changed(arp(virtualMAC, 1, own4, neighbour4), 6, 2), no, no},
		{"ARP of another network", changed(arp(ownMAC, 1, own4, own4), 15, 6), no, no},
		{"ARP of another protocol", changed(arp(ownMAC, 1, own4, own4), 17, 6), no, no},
		{"ARP with longer addresses", changed(arp(ownMAC, 1, own4, own4), 18, 8), no, no},

		{"IPv6 ping of an own address", ip6(neighbourMAC, 58, neighbour6, own6, ping6...), in, no},
		{"IPv6 ping of the link's address", ip6(neighbourMAC, 58, neighbour6, link6, ping6...), in, no},
		{"IPv6 ping of the virtual address", ip6(neighbourMAC, 58, neighbour6, virtual6, ping6...), no, no},
		{"IPv6 packet to be routed", ip6(neighbourMAC, 17, neighbour6, far6, udp(1, 2)...), no, no},
		{"IPv6 ping of all", ip6(neighbourMAC, 58, neighbour6, all6, ping6...), no, no},
		{"IPv6 ping by the unit", ip6(ownMAC, 58, own6, far6, ping6...), no, out},
		{"IPv6 ping from the virtual address", ip6(ownMAC, 58, virtual6, far6, ping6...), no, no},
		{"IPv6 ping with the virtual MAC", ip6(virtualMAC, 58, own6, far6, ping6...), no, no},
		{"IPv6 TCP of the unit", ip6(ownMAC, 6, own6, own6, make([]byte, 20)...), in, out},
		{"IPv6 fragment", ip6(ownMAC, 44, own6, own6, append([]byte{17}, make([]byte, 19)...)...), in, out},
		{"IPv6 fragment to all", ip6(neighbourMAC, 44, neighbour6, all6, make([]byte, 20)...), no, no},
		{"IPv6 multicast that is not ICMPv6", ip6(neighbourMAC, 17, neighbour6, all6, udp(1, 2)...), no, no},
		{"IPv6 that calls itself IPv4", changed(ip6(ownMAC, 6, own6, own6, ping6...), 14, 0x45), no, no},
		{"IPv6 without a message", ip6(ownMAC, 58, own6, own6), no, no},

		{"solicitation of an own address", ip6(neighbourMAC, 58, neighbour6, all6, neighbour(135, own6)...), in, no},
		{"solicitation of the virtual address", ip6(neighbourMAC, 58, neighbour6, all6, neighbour(135, virtual6)...), no, no},
		{"solicitation of it, to the unit", ip6(neighbourMAC, 58, neighbour6, own6, neighbour(135, virtual6)...), no, no},
		{"solicitation of an own, to another", ip6(neighbourMAC, 58, neighbour6, far6, neighbour(135, own6)...), no, no},
		{"solicitation cut off", ip6(neighbourMAC, 58, neighbour6, own6, neighbour(135, own6)[:23]...), no, no},
		{"solicitation by the unit", ip6(ownMAC, 58, link6, all6, neighbour(135, neighbour6)...), no, out},
		{"IPv6 probe", ip6(ownMAC, 58, any6, all6, neighbour(135, virtual6)...), no, out},
		{"advertisement to all", ip6(neighbourMAC, 58, neighbour6, all6, neighbour(136, virtual6)...), in, no},
		{"advertisement of an own address", ip6(ownMAC, 58, own6, all6, neighbour(136, own6)...), in, out},
		{"advertisement of the virtual address", ip6(ownMAC, 58, own6, all6, neighbour(136, virtual6)...), in, no},
		{"advertisement from nobody", ip6(ownMAC, 58, any6, all6, neighbour(136, virtual6)...), in, no},
		{"advertisement cut off", ip6(ownMAC, 58, own6, all6, neighbour(136, own6)[:23]...), in, no},
		{"router advertisement", ip6(neighbourMAC, 58, link6, all6, 134, 0, 0, 0), no, out},
		{"router solicitation", ip6(ownMAC, 58, link6, all6, 133, 0, 0, 0), no, out},
		{"redirect to the unit", ip6(neighbourMAC, 58, neighbour6, own6, 137, 0, 0, 0), no, no},
		{"redirect to all", ip6(neighbourMAC, 58, neighbour6, all6, 137, 0, 0, 0), no, no},

		{"listener query", ip6(neighbourMAC, 0, neighbour6, all6, extension(58, 0, 130, 0, 0, 0)...), in, no},
		{"listener report of version 1", ip6(ownMAC, 0, link6, all6, extension(58, 0, 131, 0, 0, 0)...), in, out},
		{"listener report of version 2", ip6(ownMAC, 0, link6, all6, extension(58, 0, 143, 0, 0, 0)...), no, out},
		{
			"solicitation behind an extension",
			ip6(neighbourMAC, 60, neighbour6, own6, extension(58, 1, neighbour(135, virtual6)...)...), no, no,
		},
		{
			"advertisement behind two extensions",
			ip6(ownMAC, 43, own6, all6, extension(60, 0, extension(58, 2, neighbour(136, virtual6)...)...)...), in, no,
		},
		{
			"ping behind two extensions",
			ip6(ownMAC, 0, own6, own6, extension(60, 0, extension(58, 0, ping6...)...)...), in, out,
		},
		{
			"ping behind three extensions",
			ip6(ownMAC, 0, own6, own6, extension(60, 0, extension(60, 0, extension(58, 0, ping6...)...)...)...), no, no,
		},
		{"extension that ends in nothing", ip6(ownMAC, 60, own6, own6, 58, 200, 0, 0), no, no},
		{"TCP behind an extension that ends in nothing", ip6(ownMAC, 60, own6, own6, 6, 200, 0, 0), in, out},
		{"extension that is cut off", ip6(ownMAC, 60, own6, own6, 58), no, no},

		{"spanning tree", ethernet(ownMAC, 0x0026, make([]byte, 46)...), no, no},
		{"link layer discovery", ethernet(ownMAC, 0x88cc, make([]byte, 46)...), no, no},
		{"PPPoE", ethernet(ownMAC, 0x8864, make([]byte, 46)...), no, no},
		{"next to nothing", ethernet(ownMAC, 0x0806, 0), no, no},
	}
	for _, s := range all {
		for _, kinds := range [][]uint16{{0x8100}, {0x88a8}, {0x8100, 0x88a8}, {0x8100, 0x8100}} {
			all = append(all, sample{s.name + ", tagged", tagged(s.frame, kinds...), s.in, s.out})
		}
		all = append(all, sample{s.name + ", tagged three times", tagged(s.frame, 0x8100, 0x8100, 0x88a8), false, false})
	}
	return all
}

// forbidden is a frame that never comes in, and its kind.
type forbidden struct {
	name  string
	frame []byte
	kind  Kind
}

// allForbidden returns frames of every kind that the guard drops, in all their disguises.
func allForbidden() []forbidden {
	fragment := func(next byte, offset byte, payload ...byte) []byte {
		return append([]byte{next, 0, 0, offset, 0, 0, 0, 7}, payload...)
	}
	message := func(kind byte) []byte { return []byte{kind, 0, 0, 0, 0, 0, 0, 0} }
	var all []forbidden
	for kind, of := range map[byte]Kind{133: RouterSolicitation, 134: RouterAdvertisement, 137: Redirect} {
		m := message(kind)
		chain := append([]byte{}, m...)
		next := byte(58)
		for range 6 {
			chain, next = extension(next, 0, chain...), 60
		}
		for name, b := range map[string][]byte{
			"plain":                     ip6(neighbourMAC, 58, link6, all6, m...),
			"to the unit":               ip6(neighbourMAC, 58, link6, own6, m...),
			"to the virtual address":    ip6(neighbourMAC, 58, link6, virtual6, m...),
			"to be forwarded":           ip6(neighbourMAC, 58, neighbour6, far6, m...),
			"behind hop-by-hop options": ip6(neighbourMAC, 0, link6, all6, extension(58, 0, m...)...),
			"behind a routing header":   ip6(neighbourMAC, 43, link6, all6, extension(58, 2, m...)...),
			"behind six options":        ip6(neighbourMAC, 60, link6, all6, chain...),
			"in a fragment":             ip6(neighbourMAC, 44, link6, all6, fragment(58, 1, m...)...),
			"in a fragment of options":  ip6(neighbourMAC, 44, link6, all6, fragment(60, 1, extension(58, 0, m...)...)...),
		} {
			all = append(all, forbidden{of.String() + " " + name, b, of})
		}
	}
	for kind, of := range map[byte]Kind{10: RouterSolicitation, 9: RouterAdvertisement, 5: Redirect} {
		options := changed(ip4(neighbourMAC, 1, neighbour4, own4, append(make([]byte, 40), message(kind)...)...), 14, 0x4f)
		for name, b := range map[string][]byte{
			"plain":                 ip4(neighbourMAC, 1, neighbour4, own4, message(kind)...),
			"to all":                ip4(neighbourMAC, 1, neighbour4, all4, message(kind)...),
			"to be forwarded":       ip4(neighbourMAC, 1, neighbour4, far4, message(kind)...),
			"behind options":        options,
			"in the first fragment": changed(ip4(neighbourMAC, 1, neighbour4, own4, message(kind)...), 20, 0x20),
		} {
			all = append(all, forbidden{of.String() + " of IPv4 " + name, b, of})
		}
	}
	seven := message(134)
	next := byte(58)
	for range 7 {
		seven, next = extension(next, 0, seven...), 60
	}
	all = append(all,
		forbidden{"to the pod", ip4(neighbourMAC, 6, neighbour4, control4, make([]byte, 20)...), ControlAddress},
		forbidden{"ping of the pod", ip4(neighbourMAC, 1, neighbour4, control4, message(8)...), ControlAddress},
		forbidden{"to the pod by IPv6", ip6(neighbourMAC, 17, neighbour6, control6, udp(1, 7780)...), ControlAddress},
		forbidden{"from the pod's address", ip6(neighbourMAC, 17, control6, own6, udp(1, 7780)...), ControlAddress},
		forbidden{"ping from it", ip6(neighbourMAC, 58, control6, own6, message(128)...), ControlAddress},
		forbidden{"behind seven options", ip6(neighbourMAC, next, link6, all6, seven...), Malformed},
		forbidden{"ICMPv6 without a type", ip6(neighbourMAC, 44, link6, all6, fragment(58, 1)...), Malformed},
	)
	for _, f := range all {
		for _, kinds := range [][]uint16{{0x8100}, {0x88a8}, {0x8100, 0x88a8}} {
			all = append(all, forbidden{f.name + ", tagged", tagged(f.frame, kinds...), f.kind})
		}
		all = append(all, forbidden{f.name + ", tagged three times", tagged(f.frame, 0x8100, 0x8100, 0x88a8), Malformed})
	}
	return all
}
