package conntrack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// ErrMalformed reports bytes that are not a valid ctnetlink message.
var ErrMalformed = errors.New("malformed conntrack message")

// Attribute numbers, grouped by nest. The fields of Flow and Tuple that they fill describe their meaning.
const (
	ctaTupleOrig   = 1
	ctaTupleReply  = 2
	ctaStatus      = 3
	ctaProtoInfo   = 4
	ctaHelp        = 5
	ctaNATSrc      = 6
	ctaTimeout     = 7
	ctaMark        = 8
	ctaID          = 12
	ctaNATDst      = 13
	ctaTupleMaster = 14
	ctaSeqAdjOrig  = 15
	ctaSeqAdjReply = 16
	ctaZone        = 18
	ctaLabels      = 22
	ctaSynproxy    = 24

	ctaTupleIP    = 1
	ctaTupleProto = 2
	ctaTupleZone  = 3

	ctaIPv4Src = 1
	ctaIPv4Dst = 2
	ctaIPv6Src = 3
	ctaIPv6Dst = 4

	ctaProtoNum        = 1
	ctaProtoSrcPort    = 2
	ctaProtoDstPort    = 3
	ctaProtoICMPID     = 4
	ctaProtoICMPType   = 5
	ctaProtoICMPCode   = 6
	ctaProtoICMPv6ID   = 7
	ctaProtoICMPv6Type = 8
	ctaProtoICMPv6Code = 9

	ctaProtoInfoTCP  = 1
	ctaProtoInfoSCTP = 3

	ctaTCPState      = 1
	ctaTCPScaleOrig  = 2
	ctaTCPScaleReply = 3
	ctaTCPFlagsOrig  = 4
	ctaTCPFlagsReply = 5

	ctaSCTPState    = 1
	ctaSCTPTagOrig  = 2
	ctaSCTPTagReply = 3

	ctaHelpName = 1

	ctaNATv4Min = 1
	ctaNATv4Max = 2
	ctaNATProto = 3
	ctaNATv6Min = 4
	ctaNATv6Max = 5

	ctaNATPortMin = 1
	ctaNATPortMax = 2

	ctaSeqAdjPos    = 1
	ctaSeqAdjBefore = 2
	ctaSeqAdjAfter  = 3

	ctaSynproxyISN      = 1
	ctaSynproxyITS      = 2
	ctaSynproxyTSOffset = 3

	ctaExpectMaster   = 1
	ctaExpectTuple    = 2
	ctaExpectMask     = 3
	ctaExpectTimeout  = 4
	ctaExpectID       = 5
	ctaExpectHelpName = 6
	ctaExpectFlags    = 8
	ctaExpectClass    = 9
	ctaExpectNAT      = 10
	ctaExpectFn       = 11

	ctaExpectNATDir   = 1
	ctaExpectNATTuple = 2
)

const (
	attributeHeader = 4
	attributeNested = 0x8000
	// attributeKind masks the flags "nested" and "network byte order", which the kernel sets in some messages.
	attributeKind = 0x3fff
)

// attributes iterates over a sequence of attributes. It does not allocate: a busy firewall decodes some ten thousand
// entries a second, each with some thirty attributes.
type attributes struct {
	rest []byte
	// kind and value belong to the attribute that next read last.
	kind  uint16
	value []byte
	// err is the reason why reading stopped early. It is nil at the regular end.
	err error
}

// next advances to the next attribute, if there is one. It never reads outside the given bytes, whatever the length
// fields claim.
func (a *attributes) next() bool {
	if a.err != nil || len(a.rest) == 0 {
		return false
	}
	if len(a.rest) < attributeHeader {
		a.err = fmt.Errorf("%w: %d bytes after the last attribute", ErrMalformed, len(a.rest))
		return false
	}
	length := int(binary.NativeEndian.Uint16(a.rest))
	a.kind = binary.NativeEndian.Uint16(a.rest[2:]) & attributeKind
	if length < attributeHeader || length > len(a.rest) {
		a.err = fmt.Errorf("%w: attribute %d claims %d bytes of %d", ErrMalformed, a.kind, length, len(a.rest))
		return false
	}
	a.value = a.rest[attributeHeader:length]
	a.rest = a.rest[min(align(length), len(a.rest)):]
	return true
}

// check records the first error in the value of the current attribute.
func (a *attributes) check(err error) {
	if a.err == nil {
		a.err = err
	}
}

// checkSize records an error and returns false unless the value has exactly size bytes.
func (a *attributes) checkSize(size int) bool {
	if len(a.value) != size {
		a.check(fmt.Errorf("%w: attribute %d has %d bytes, not %d", ErrMalformed, a.kind, len(a.value), size))
		return false
	}
	return true
}

func (a *attributes) uint8(into *uint8) {
	if a.checkSize(1) {
		*into = a.value[0]
	}
}

func (a *attributes) uint16(into *uint16) {
	if a.checkSize(2) {
		*into = binary.BigEndian.Uint16(a.value)
	}
}

func (a *attributes) uint32(into *uint32) {
	if a.checkSize(4) {
		*into = binary.BigEndian.Uint32(a.value)
	}
}

func (a *attributes) int32(into *int32) {
	if a.checkSize(4) {
		*into = int32(binary.BigEndian.Uint32(a.value))
	}
}

// align rounds n up to a multiple of four bytes, the alignment of netlink.
func align(n int) int { return (n + 3) &^ 3 }

// builder appends attributes to a message.
type builder struct{ bytes []byte }

func (b *builder) add(kind uint16, value ...byte) {
	b.bytes = binary.NativeEndian.AppendUint16(b.bytes, uint16(attributeHeader+len(value)))
	b.bytes = binary.NativeEndian.AppendUint16(b.bytes, kind)
	b.bytes = append(b.bytes, value...)
	for len(b.bytes)%4 != 0 {
		b.bytes = append(b.bytes, 0)
	}
}

func (b *builder) add16(kind, value uint16) { b.add(kind, byte(value>>8), byte(value)) }

func (b *builder) add32(kind uint16, value uint32) {
	b.add(kind, byte(value>>24), byte(value>>16), byte(value>>8), byte(value))
}

func (b *builder) addAddress(kind uint16, a netip.Addr) {
	if a.Is4() {
		value := a.As4()
		b.add(kind, value[:]...)
		return
	}
	value := a.As16()
	b.add(kind, value[:]...)
}

// addText adds a text and its terminating zero.
func (b *builder) addText(kind uint16, text string) {
	start := len(b.bytes)
	b.add(kind)
	b.bytes = append(append(b.bytes, text...), 0)
	b.close(start)
	for len(b.bytes)%4 != 0 {
		b.bytes = append(b.bytes, 0)
	}
}

// open begins a nested attribute. Pass the result to close to end it.
func (b *builder) open(kind uint16) int {
	start := len(b.bytes)
	b.add(kind | attributeNested)
	return start
}

func (b *builder) close(start int) {
	binary.NativeEndian.PutUint16(b.bytes[start:], uint16(len(b.bytes)-start))
}
