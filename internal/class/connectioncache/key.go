package connectioncache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// A key is both tuples and the zones: what a kernel may not change during an entry's life, and all that is needed to
// find it. Two connections with one original tuple but different translations, one after the other, have different
// keys.
//
//	1 byte   format and flags, see below
//	1 byte   protocol
//	6 bytes  zones: of both directions, of the original, of the reply; only with flagZones
//	         original tuple: two addresses, two ports or what ICMP has in their place
//	         reply tuple, likewise; only with flagTranslated, else it is the inverse of the original one
const (
	keyFormat      = 1 << 4 // in the upper half of the first byte
	keyFormatMask  = 0xf0
	flagIPv6       = 1 << 0
	flagTranslated = 1 << 1
	flagZones      = 1 << 2
	flagsKnown     = flagIPv6 | flagTranslated | flagZones
)

// errKey is of bytes that are no key.
var errKey = errors.New("not a connection's key")

// encodeKey names a flow.
func encodeKey(f *conntrack.Flow) string {
	flags := byte(keyFormat)
	if f.Orig.Src.Is6() {
		flags |= flagIPv6
	}
	if f.Translated() {
		flags |= flagTranslated
	}
	zones := f.Zone != 0 || f.Orig.Zone != 0 || f.Reply.Zone != 0
	if zones {
		flags |= flagZones
	}
	b := append(make([]byte, 0, 80), flags, f.Orig.Protocol)
	if zones {
		for _, zone := range []uint16{f.Zone, f.Orig.Zone, f.Reply.Zone} {
			b = binary.BigEndian.AppendUint16(b, zone)
		}
	}
	b = appendTuple(b, f.Orig)
	if flags&flagTranslated != 0 {
		b = appendTuple(b, f.Reply)
	}
	return string(b)
}

func appendTuple(b []byte, t conntrack.Tuple) []byte {
	b = append(b, t.Src.AsSlice()...)
	b = append(b, t.Dst.AsSlice()...)
	if t.IsICMP() {
		b = append(b, t.ICMPType, t.ICMPCode)
		return binary.BigEndian.AppendUint16(b, t.ICMPID)
	}
	b = binary.BigEndian.AppendUint16(b, t.SrcPort)
	return binary.BigEndian.AppendUint16(b, t.DstPort)
}

// decodeKey is the flow that a key names, without any field that is not part of it.
func decodeKey(key string) (conntrack.Flow, error) {
	d := decoder{rest: []byte(key)}
	flags, protocol := d.uint8(), d.uint8()
	if flags&keyFormatMask != keyFormat || flags&^keyFormatMask&^flagsKnown != 0 {
		return conntrack.Flow{}, fmt.Errorf("%w: first byte %#x", errKey, flags)
	}
	var f conntrack.Flow
	var origZone, replyZone uint16
	if flags&flagZones != 0 {
		f.Zone, origZone, replyZone = d.uint16(), d.uint16(), d.uint16()
	}
	f.Orig = d.tuple(protocol, flags&flagIPv6 != 0)
	f.Reply = f.Orig.Inverse()
	if flags&flagTranslated != 0 {
		f.Reply = d.tuple(protocol, flags&flagIPv6 != 0)
	}
	f.Orig.Zone, f.Reply.Zone = origZone, replyZone
	if err := d.end(); err != nil {
		return conntrack.Flow{}, fmt.Errorf("%w: %w", errKey, err)
	}
	return f, nil
}

func (d *decoder) tuple(protocol uint8, ipv6 bool) conntrack.Tuple {
	t := conntrack.Tuple{Protocol: protocol}
	if ipv6 {
		t.Src, t.Dst = netip.AddrFrom16([16]byte(d.take(16))), netip.AddrFrom16([16]byte(d.take(16)))
	} else {
		t.Src, t.Dst = netip.AddrFrom4([4]byte(d.take(4))), netip.AddrFrom4([4]byte(d.take(4)))
	}
	if t.IsICMP() {
		t.ICMPType, t.ICMPCode, t.ICMPID = d.uint8(), d.uint8(), d.uint16()
	} else {
		t.SrcPort, t.DstPort = d.uint16(), d.uint16()
	}
	return t
}
