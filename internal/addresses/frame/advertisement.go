package frame

import (
	"encoding/binary"
	"net/netip"

	"github.com/hapair-io/hapair/internal/checksum"
)

const (
	nextHeaderICMPv6      = 58
	neighborSolicitation  = 135
	neighborAdvertisement = 136

	// hopLimit is what neighbours require. It shows that a packet has crossed no router.
	hopLimit = 255

	// flagRouter and flagOverride are of RFC 4861, section 4.4. Without Router, hosts that have the address as their
	// default router would drop it. Override replaces the cached MAC.
	flagRouter   = 0x80
	flagOverride = 0x20

	optionSourceLinkLayer = 1
	optionTargetLinkLayer = 2
)

// UnsolicitedAdvertisement returns a frame that announces the IPv6 address at the MAC to all nodes of a link (RFC 4861,
// section 7.2.6).
func UnsolicitedAdvertisement(mac MAC, address netip.Addr) []byte {
	source, destination := address.As16(), netip.IPv6LinkLocalAllNodes().As16()

	body := []byte{neighborAdvertisement, 0, 0, 0, flagRouter | flagOverride, 0, 0, 0}
	body = append(body, source[:]...)
	body = append(body, optionTargetLinkLayer, 1) // One unit of eight bytes.
	body = append(body, mac[:]...)
	return icmpv6(ethernet(allNodes, mac, etherTypeIPv6), source, destination, body)
}

// icmpv6 appends the header of IPv6 and the body, whose checksum it sets.
func icmpv6(f []byte, source, destination [16]byte, body []byte) []byte {
	from, to := netip.AddrFrom16(source), netip.AddrFrom16(destination)
	binary.BigEndian.PutUint16(body[2:], checksum.OfTransport(from, to, nextHeaderICMPv6, body))
	f = append(f, 0x60, 0, 0, 0) // Version 6, no traffic class, no flow label.
	f = binary.BigEndian.AppendUint16(f, uint16(len(body)))
	f = append(f, nextHeaderICMPv6, hopLimit)
	f = append(append(f, source[:]...), destination[:]...)
	return append(f, body...)
}
