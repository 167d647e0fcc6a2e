package connectioncache

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/hapair-io/hapair/internal/class/encoding"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// A key holds both tuples and the zones. The kernel cannot change these during an entry's life, and needs no more to
// find the entry. Two successive connections with the same original tuple but different translations have different
// keys.
//
//	1 byte   format, flags and translation, see below
//	1 byte   protocol
//	6 bytes  zones: of both directions, of the original, of the reply; only with flagZones
//	         original tuple: two addresses, and two ports or the ICMP fields
//	         difference of the reply tuple from the inverse of the original, depending on the translation
const (
	keyFormat     = 2 << 4 // in the upper half of the first byte
	keyFormatMask = 0xf0
	flagIPv6      = 1 << 0
	flagZones     = 1 << 1

	translationShift = 2
	translationMask  = 3
)

// translation is the way in which the reply tuple differs from the inverse of the original tuple.
type translation uint8

const (
	// untranslated: there is no difference.
	untranslated translation = iota
	// sourceTranslated: the destination address and port differ.
	sourceTranslated
	// destinationTranslated: the source address and port differ.
	destinationTranslated
	// otherwiseTranslated: the key holds the whole reply tuple.
	otherwiseTranslated
)

// errKey reports bytes that are not a valid key.
var errKey = errors.New("not a connection's key")

// maxKey is the length of the longest key.
const maxKey = 1 + 1 + 6 + 2*(16+16+4)

// encodeKey returns the key of a flow.
func encodeKey(f *conntrack.Flow) string { return string(appendKey(make([]byte, 0, maxKey), f)) }

func appendKey(b []byte, f *conntrack.Flow) []byte {
	kind := translationOf(f)
	flags := keyFormat | byte(kind)<<translationShift
	if f.Orig.Src.Is6() {
		flags |= flagIPv6
	}
	zones := f.Zone != 0 || f.Orig.Zone != 0 || f.Reply.Zone != 0
	if zones {
		flags |= flagZones
	}
	b = append(b, flags, f.Orig.Protocol)
	if zones {
		b = binary.BigEndian.AppendUint16(b, f.Zone)
		b = binary.BigEndian.AppendUint16(b, f.Orig.Zone)
		b = binary.BigEndian.AppendUint16(b, f.Reply.Zone)
	}
	b = appendTuple(b, f.Orig)
	switch kind {
	case untranslated:
	case sourceTranslated:
		b = appendEnd(b, f.Reply.Dst, f.Reply, f.Reply.DstPort)
	case destinationTranslated:
		b = appendEnd(b, f.Reply.Src, f.Reply, f.Reply.SrcPort)
	case otherwiseTranslated:
		b = appendTuple(b, f.Reply)
	}
	return b
}

func translationOf(f *conntrack.Flow) translation {
	reply, inverse := f.Reply, f.Orig.Inverse()
	reply.Zone = 0
	if reply == inverse {
		return untranslated
	}
	if translateEnd(inverse, sourceTranslated, reply.Dst, reply.DstPort, reply.ICMPID) == reply {
		return sourceTranslated
	}
	if translateEnd(inverse, destinationTranslated, reply.Src, reply.SrcPort, reply.ICMPID) == reply {
		return destinationTranslated
	}
	return otherwiseTranslated
}

// translateEnd returns the reply tuple of a connection with one translated end. It starts from the inverse of the
// original tuple. The identifier of ICMP is translated as a port.
func translateEnd(inverse conntrack.Tuple, kind translation, to netip.Addr, port, id uint16) conntrack.Tuple {
	switch {
	case inverse.IsICMP():
		inverse.ICMPID = id
	case kind == sourceTranslated:
		inverse.DstPort = port
	default:
		inverse.SrcPort = port
	}
	if kind == sourceTranslated {
		inverse.Dst = to
	} else {
		inverse.Src = to
	}
	return inverse
}

func appendTuple(b []byte, t conntrack.Tuple) []byte {
	b = encoding.AppendAddress(encoding.AppendAddress(b, t.Src), t.Dst)
	if t.IsICMP() {
		b = append(b, t.ICMPType, t.ICMPCode)
		return binary.BigEndian.AppendUint16(b, t.ICMPID)
	}
	b = binary.BigEndian.AppendUint16(b, t.SrcPort)
	return binary.BigEndian.AppendUint16(b, t.DstPort)
}

func appendEnd(b []byte, address netip.Addr, t conntrack.Tuple, port uint16) []byte {
	if t.IsICMP() {
		port = t.ICMPID
	}
	return binary.BigEndian.AppendUint16(encoding.AppendAddress(b, address), port)
}

// decodeKey returns the flow that a key identifies. Fields that are not part of the key are not set.
func decodeKey(key string) (f conntrack.Flow, err error) {
	d := decoder{encoding.NewDecoder([]byte(key))}
	flags, protocol := d.Uint8(), d.Uint8()
	const known = flagIPv6 | flagZones | translationMask<<translationShift
	if flags&keyFormatMask != keyFormat || flags&^keyFormatMask&^known != 0 {
		return conntrack.Flow{}, fmt.Errorf("%w: first byte %#x", errKey, flags)
	}
	var origZone, replyZone uint16
	if flags&flagZones != 0 {
		f.Zone, origZone, replyZone = d.Uint16(), d.Uint16(), d.Uint16()
	}
	ipv6 := flags&flagIPv6 != 0
	f.Orig = d.tuple(protocol, ipv6)
	f.Reply = f.Orig.Inverse()
	switch kind := translation(flags >> translationShift & translationMask); kind {
	case untranslated:
	case sourceTranslated, destinationTranslated:
		to, port := d.Address(ipv6), d.Uint16()
		f.Reply = translateEnd(f.Reply, kind, to, port, port)
	case otherwiseTranslated:
		f.Reply = d.tuple(protocol, ipv6)
	}
	f.Orig.Zone, f.Reply.Zone = origZone, replyZone
	if err := d.End(); err != nil {
		return conntrack.Flow{}, fmt.Errorf("%w: %w", errKey, err)
	}
	return f, nil
}

func (d *decoder) tuple(protocol uint8, ipv6 bool) conntrack.Tuple {
	t := conntrack.Tuple{Protocol: protocol, Src: d.Address(ipv6), Dst: d.Address(ipv6)}
	if t.IsICMP() {
		t.ICMPType, t.ICMPCode, t.ICMPID = d.Uint8(), d.Uint8(), d.Uint16()
	} else {
		t.SrcPort, t.DstPort = d.Uint16(), d.Uint16()
	}
	return t
}
