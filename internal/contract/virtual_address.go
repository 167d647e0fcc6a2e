package contract

import (
	"errors"
	"fmt"
	"net/netip"
)

// reserved are the networks of which no host can have an address (RFC 1122, RFC 1112).
var reserved = [...]netip.Prefix{
	netip.PrefixFrom(netip.AddrFrom4([4]byte{0}), 8), netip.PrefixFrom(netip.AddrFrom4([4]byte{240}), 4),
}

// checkVirtualAddress reports why an address cannot be virtual, and what to choose instead. The CRD has the same rules.
func checkVirtualAddress(p netip.Prefix) error {
	const choose = "choose a host's address, as in 192.0.2.1/24 or 2001:db8::1/64"
	a := p.Addr()
	switch {
	case !p.IsValid() || a.Is4In6():
		return errors.New("not an address with its prefix length; write it as in 192.0.2.1/24 or 2001:db8::1/64")
	case a.IsUnspecified() || a.IsLoopback() || a.IsMulticast():
		return fmt.Errorf("%s is loopback, multicast or unspecified; %s", a, choose)
	case reserved[0].Contains(a) || reserved[1].Contains(a):
		return fmt.Errorf("%s is in a reserved network, of which no host can have an address; %s", a, choose)
	case p.Bits() == 0:
		return fmt.Errorf("the prefix length of %s is 0, so every address would be a neighbour; %s", p, choose)
	case p.Bits() >= a.BitLen()-1:
		return nil // RFC 3021 and RFC 6164: the other address, if there is one, is a host's too.
	case p.Masked().Addr() == a:
		return fmt.Errorf("%s is the address of its network; %s", p, choose)
	case a.Is4() && lastOf(p) == a:
		return fmt.Errorf("%s is the broadcast address of its network; %s", p, choose)
	default:
		return nil
	}
}

// lastOf returns the last address of an IPv4 network.
func lastOf(p netip.Prefix) netip.Addr {
	octets := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		octets[bit/8] |= 1 << (7 - bit%8)
	}
	return netip.AddrFrom4(octets)
}

// seenAddresses are the networks that have an address, by address.
type seenAddresses map[netip.Addr]string

// check reports an address that another network has, or that the network has with another prefix length. A link-local
// address may be on several networks, since it only means something on its own link.
func (s seenAddresses) check(network string, a netip.Addr) error {
	other, seen := s[a]
	s[a] = network
	switch {
	case seen && other == network:
		return fmt.Errorf("%s is listed twice; remove one, whatever its prefix length", a)
	case seen && !a.IsLinkLocalUnicast():
		return fmt.Errorf("%s is also a virtual address of network %s; remove one", a, other)
	default:
		return nil
	}
}
