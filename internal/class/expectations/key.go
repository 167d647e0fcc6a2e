package expectations

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/hapair-io/hapair/internal/class/encoding"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// A key holds the master's original tuple, the expected tuple and its mask.
//
//	1 byte   format and flags, see below
//	         master: protocol, two addresses, two ports
//	         expected tuple: protocol, two addresses, two ports
//	         mask of the source: an address, unless flagHost is set, and a port
const (
	keyFormat     = 1 << 4 // in the upper half of the first byte
	keyFormatMask = 0xf0
	flagIPv6      = 1 << 0
	// flagHost marks a mask with all bits of the source address.
	flagHost = 1 << 1
)

// errKey reports bytes that are not a valid key.
var errKey = errors.New("not an expectation's key")

// maxKey is the length of the longest key.
const maxKey = 1 + 2*(1+2*(16+2)) + 16 + 2

func encodeKey(e *conntrack.Expectation) string { return string(appendKey(make([]byte, 0, maxKey), e)) }

func appendKey(b []byte, e *conntrack.Expectation) []byte {
	flags := byte(keyFormat)
	if e.Tuple.Src.Is6() {
		flags |= flagIPv6
	}
	isHost := e.Mask.Src == host(e.Tuple.Src.Is6())
	if isHost {
		flags |= flagHost
	}
	b = appendTuple(appendTuple(append(b, flags), e.Master), e.Tuple)
	if !isHost {
		b = encoding.AppendAddress(b, e.Mask.Src)
	}
	return binary.BigEndian.AppendUint16(b, e.Mask.SrcPort)
}

func appendTuple(b []byte, t conntrack.Tuple) []byte {
	b = encoding.AppendAddress(encoding.AppendAddress(append(b, t.Protocol), t.Src), t.Dst)
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, t.SrcPort), t.DstPort)
}

// host returns the mask of one address.
func host(ipv6 bool) netip.Addr {
	if ipv6 {
		return netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
	}
	return netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// decodeKey returns the expectation that a key identifies. Fields that are not part of the key are not set.
func decodeKey(key string) (e conntrack.Expectation, err error) {
	d := encoding.NewDecoder([]byte(key))
	flags := d.Uint8()
	if flags&keyFormatMask != keyFormat || flags&^keyFormatMask&^(flagIPv6|flagHost) != 0 {
		return e, fmt.Errorf("%w: first byte %#x", errKey, flags)
	}
	ipv6 := flags&flagIPv6 != 0
	e.Master, e.Tuple = decodeTuple(&d, ipv6), decodeTuple(&d, ipv6)
	if e.Mask.Src = host(ipv6); flags&flagHost == 0 {
		e.Mask.Src = d.Address(ipv6)
	}
	e.Mask.SrcPort = d.Uint16()
	if err := d.End(); err != nil {
		return conntrack.Expectation{}, fmt.Errorf("%w: %w", errKey, err)
	}
	return e, nil
}

func decodeTuple(d *encoding.Decoder, ipv6 bool) conntrack.Tuple {
	return conntrack.Tuple{
		Protocol: d.Uint8(), Src: d.Address(ipv6), Dst: d.Address(ipv6), SrcPort: d.Uint16(), DstPort: d.Uint16(),
	}
}
