package document

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Block is an inclusive range of addresses of one family. A single address, a prefix and a range are all blocks. Equal
// blocks have the same text.
type Block struct {
	First, Last netip.Addr
}

const blockForms = "write an address, a prefix or a range, as in " +
	"192.0.2.1, 192.0.2.0/24, 192.0.2.10-192.0.2.20 or 2001:db8::/64"

// ParseBlock parses an address, a prefix, or a range of two addresses with a hyphen between them.
func ParseBlock(text string) (Block, error) {
	if first, last, isRange := strings.Cut(text, "-"); isRange {
		return parseRange(text, strings.TrimSpace(first), strings.TrimSpace(last))
	}
	if strings.Contains(text, "/") {
		return parsePrefix(text)
	}
	addr, err := parseAddr(text)
	if err != nil {
		return Block{}, fmt.Errorf("%w; %s", err, blockForms)
	}
	return Block{addr, addr}, nil
}

func parseRange(text, first, last string) (Block, error) {
	a, errA := parseAddr(first)
	b, errB := parseAddr(last)
	switch {
	case errA != nil || errB != nil:
		return Block{}, fmt.Errorf("%q is not a range of addresses; %s", text, blockForms)
	case a.Is4() != b.Is4():
		return Block{}, fmt.Errorf("%q mixes IPv4 and IPv6; give both ends in one family", text)
	case b.Less(a):
		return Block{}, fmt.Errorf("%q ends before it begins; swap its ends", text)
	}
	return Block{a, b}, nil
}

func parsePrefix(text string) (Block, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix.Addr().Is4In6() {
		return Block{}, fmt.Errorf("%q is not a prefix; %s", text, blockForms)
	}
	if masked := prefix.Masked(); masked != prefix {
		return Block{}, fmt.Errorf("%q has bits set beyond its length; write %s for the network or %s for the address",
			text, masked, prefix.Addr())
	}
	return BlockOf(prefix), nil
}

// parseNetwork parses the destination of a route.
func parseNetwork(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil || prefix.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is not a prefix; write one, as in 10.20.0.0/16 or 2001:db8:20::/48", text)
	case prefix.Masked() != prefix:
		return netip.Prefix{}, fmt.Errorf("%q has bits set beyond its length; write %s for the network or %s for the address",
			text, prefix.Masked(), netip.PrefixFrom(prefix.Addr(), prefix.Addr().BitLen()))
	default:
		return prefix, nil
	}
}

// parseAddr parses one address. IPv4-mapped IPv6 addresses and scoped addresses never appear in a packet's header, so a
// rule with one would match nothing.
func parseAddr(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return netip.Addr{}, fmt.Errorf("%q is not an IP address", text)
	case addr.Is4In6():
		return netip.Addr{}, fmt.Errorf("%q is IPv4 written as IPv6; write %s", text, addr.Unmap())
	case addr.Zone() != "":
		return netip.Addr{}, errors.New("an address must not name an interface; write " + addr.WithZone("").String())
	}
	return addr, nil
}

// BlockOf returns the addresses of a prefix.
func BlockOf(p netip.Prefix) Block { return Block{p.Masked().Addr(), lastOf(p.Masked())} }

// Family returns the block's address family.
func (b Block) Family() Families { return familyOf(b.First) }

// Contains reports whether an address is in the block.
func (b Block) Contains(a netip.Addr) bool { return b.First.Compare(a) <= 0 && a.Compare(b.Last) <= 0 }

// SizeIPv4 returns how many addresses an IPv4 block has.
func (b Block) SizeIPv4() uint64 { return uint64(number(b.Last)) - uint64(number(b.First)) + 1 }

// number returns an IPv4 address as a number.
func number(a netip.Addr) uint32 {
	bytes := a.As4()
	return binary.BigEndian.Uint32(bytes[:])
}

// String returns the block as an address, a prefix or a range, whichever of these fits first.
func (b Block) String() string {
	if b.First == b.Last {
		return b.First.String()
	}
	for bits := b.First.BitLen() - 1; bits >= 0; bits-- {
		prefix := netip.PrefixFrom(b.First, bits)
		if prefix.Masked().Addr() != b.First {
			break
		}
		if lastOf(prefix) == b.Last {
			return prefix.String()
		}
	}
	return b.First.String() + "-" + b.Last.String()
}

// Prefixes returns the shortest list of prefixes that has exactly the addresses of the block.
func (b Block) Prefixes() (prefixes []netip.Prefix) {
	for first := b.First; ; {
		widest := netip.PrefixFrom(first, first.BitLen())
		for bits := first.BitLen() - 1; bits >= 0; bits-- {
			wider := netip.PrefixFrom(first, bits)
			if wider.Masked().Addr() != first || b.Last.Less(lastOf(wider)) {
				break
			}
			widest = wider
		}
		prefixes = append(prefixes, widest)
		last := lastOf(widest)
		if last == b.Last {
			return prefixes
		}
		first = last.Next()
	}
}

// MarshalText returns String, for JSON.
func (b Block) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

func familyOf(a netip.Addr) Families {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// lastOf returns the last address of a prefix.
func lastOf(prefix netip.Prefix) netip.Addr {
	bytes := prefix.Addr().AsSlice()
	for bit := prefix.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}
