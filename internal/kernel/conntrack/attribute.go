package conntrack

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is of bytes that are no ctnetlink message.
var ErrMalformed = errors.New("malformed conntrack message")

// Attribute numbers, by nest. What each means stands at the field of Flow or Tuple that it fills.
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
)

const (
	attributeHeader = 4
	attributeNested = 0x8000
	// attributeKind leaves out the bits that say "nested" and "network byte order", which the kernel sets at times.
	attributeKind = 0x3fff
)

// walk calls visit for each attribute of a run. Whatever its length fields claim, it stays within the bytes given.
func walk(b []byte, visit func(kind uint16, value []byte) error) error {
	for len(b) >= attributeHeader {
		length := int(binary.NativeEndian.Uint16(b))
		kind := binary.NativeEndian.Uint16(b[2:]) & attributeKind
		if length < attributeHeader || length > len(b) {
			return fmt.Errorf("%w: attribute %d claims %d bytes of %d", ErrMalformed, kind, length, len(b))
		}
		if err := visit(kind, b[attributeHeader:length]); err != nil {
			return err
		}
		b = b[min(align(length), len(b)):]
	}
	if len(b) != 0 {
		return fmt.Errorf("%w: %d bytes after the last attribute", ErrMalformed, len(b))
	}
	return nil
}

// align rounds up to the four bytes on which netlink begins everything.
func align(n int) int { return (n + 3) &^ 3 }

// number reads a big-endian number of exactly the size wanted.
func number[T uint8 | uint16 | uint32](into *T, kind uint16, value []byte) error {
	var size int
	switch p := any(into).(type) {
	case *uint8:
		if size = 1; len(value) == size {
			*p = value[0]
		}
	case *uint16:
		if size = 2; len(value) == size {
			*p = binary.BigEndian.Uint16(value)
		}
	case *uint32:
		if size = 4; len(value) == size {
			*p = binary.BigEndian.Uint32(value)
		}
	}
	if len(value) != size {
		return fmt.Errorf("%w: attribute %d has %d bytes, not %d", ErrMalformed, kind, len(value), size)
	}
	return nil
}

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

// open begins a nest, to be ended by close with what open returned.
func (b *builder) open(kind uint16) int {
	start := len(b.bytes)
	b.add(kind | attributeNested)
	return start
}

func (b *builder) close(start int) {
	binary.NativeEndian.PutUint16(b.bytes[start:], uint16(len(b.bytes)-start))
}
