package frame

import "net/netip"

// ARPProbe returns a frame that asks whether anybody has the IPv4 address (RFC 5227, section 2.1.1). It has no sender
// address, so nobody who receives it changes a cache.
func ARPProbe(mac MAC, address netip.Addr) []byte {
	return arp(Request, mac, netip.IPv4Unspecified(), MAC{}, address)
}

// DuplicateProbe returns a frame that asks whether anybody has the IPv6 address (RFC 4862, section 5.4.2). It has no
// sender address. The station that has the address answers to all nodes.
func DuplicateProbe(mac MAC, address netip.Addr) []byte {
	target := address.As16()
	group := [16]byte{0xff, 0x02, 11: 1, 12: 0xff, 13: target[13], 14: target[14], 15: target[15]}

	body := []byte{neighborSolicitation, 0, 0, 0, 0, 0, 0, 0}
	body = append(body, target[:]...)
	f := ethernet(MAC{0x33, 0x33, 0xff, target[13], target[14], target[15]}, mac, etherTypeIPv6)
	return icmpv6(f, [16]byte{}, group, body)
}
