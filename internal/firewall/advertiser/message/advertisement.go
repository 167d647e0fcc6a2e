package message

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/mdlayher/ndp"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// MAC is an Ethernet address.
type MAC [6]byte

const (
	ethernetHeader = 14
	ipv6Header     = 40
	etherTypeIPv6  = 0x86dd
	nextICMPv6     = 58
	// neighbourHops is the hop limit that shows that a packet has crossed no router.
	neighbourHops = 255
	// hostHops is the hop limit that hosts are told to send with.
	hostHops = 64
)

// allNodes and AllRouters are the stations of the groups of all nodes and of all routers (RFC 2464, section 7).
var (
	allNodes   = MAC{0x33, 0x33, 0, 0, 0, 1}
	AllRouters = MAC{0x33, 0x33, 0, 0, 0, 2}
)

// Advertisement returns the frame of an advertisement to all hosts. A final one makes hosts forget the router and its
// DNS servers. Their addresses stay, since another router may advertise the same prefixes.
func Advertisement(n document.AdvertisedNetwork, mac MAC, isFinal bool) ([]byte, error) {
	m := &ndp.RouterAdvertisement{
		CurrentHopLimit:           hostHops,
		ManagedConfiguration:      n.Managed,
		OtherConfiguration:        n.OtherConfiguration,
		RouterSelectionPreference: preferenceOf(n),
		RouterLifetime:            n.RouterLifetime(),
		Options:                   []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: net.HardwareAddr(mac[:])}},
	}
	dns := n.DNSLifetime()
	if isFinal {
		m.RouterLifetime, m.RouterSelectionPreference, dns = 0, ndp.Medium, 0
	}
	if n.MTU != 0 {
		m.Options = append(m.Options, ndp.NewMTU(uint32(n.MTU)))
	}
	for _, p := range n.Prefixes {
		if isFinal {
			break
		}
		m.Options = append(m.Options, &ndp.PrefixInformation{
			PrefixLength: uint8(p.Prefix.Bits()), Prefix: p.Prefix.Addr(),
			OnLink: p.IsOnLink(), AutonomousAddressConfiguration: p.IsAutonomous(),
			ValidLifetime: p.Valid(), PreferredLifetime: p.Preferred(),
		})
	}
	if len(n.DNSServers) > 0 {
		m.Options = append(m.Options, &ndp.RecursiveDNSServer{Lifetime: dns, Servers: n.DNSServers})
	}
	if len(n.SearchDomains) > 0 {
		m.Options = append(m.Options, &ndp.DNSSearchList{Lifetime: dns, DomainNames: n.SearchDomains})
	}
	to := netip.IPv6LinkLocalAllNodes()
	body, err := ndp.MarshalMessageChecksum(m, n.Address, to)
	if err != nil {
		return nil, fmt.Errorf("building a router advertisement: %w", err)
	}
	return frameOf(mac, n.Address, to, body), nil
}

// preferenceOf returns the preference of a network. Without a default router it must be medium (RFC 4191, section 2.2).
func preferenceOf(n document.AdvertisedNetwork) ndp.Preference {
	switch {
	case n.RouterLifetime() == 0:
		return ndp.Medium
	case n.Preference == document.PreferenceHigh:
		return ndp.High
	case n.Preference == document.PreferenceLow:
		return ndp.Low
	default:
		return ndp.Medium
	}
}

// frameOf returns an Ethernet frame to all nodes with an ICMPv6 message.
func frameOf(mac MAC, source, destination netip.Addr, body []byte) []byte {
	from, to := source.As16(), destination.As16()
	f := make([]byte, 0, ethernetHeader+ipv6Header+len(body))
	f = append(append(f, allNodes[:]...), mac[:]...)
	f = binary.BigEndian.AppendUint16(f, etherTypeIPv6)
	f = append(f, 6<<4, 0, 0, 0)
	f = binary.BigEndian.AppendUint16(f, uint16(len(body)))
	f = append(f, nextICMPv6, neighbourHops)
	f = append(append(f, from[:]...), to[:]...)
	return append(f, body...)
}
