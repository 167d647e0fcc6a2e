package xfrm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// ID identifies an SA of ESP.
type ID struct {
	Destination netip.Addr
	SPI         uint32
}

// String returns the destination and the SPI.
func (i ID) String() string { return fmt.Sprintf("%s spi %#x", i.Destination, i.SPI) }

// SA is an SA of ESP.
type SA struct {
	ID
	// Extended is set if its sequence numbers have 64 bits (ESN, RFC 4304). Otherwise they have 32 bits.
	Extended bool
	Counters Counters
}

// Last returns the last number with which the SA can send. The kernel sends nothing after it.
func (s SA) Last() uint64 {
	if s.Extended {
		return math.MaxUint64
	}
	return math.MaxUint32
}

// IsSpent reports whether the SA can send no more packets.
func (s SA) IsSpent() bool { return s.Counters.Sent == s.Last() }

// Counters are the sequence numbers of an SA. It has one direction, so that either Sent or Received stays 0.
type Counters struct {
	// Sent is the number of the last packet that was sent. Received is the highest that was received.
	Sent, Received uint64
	// Seen has a bit for each number of the replay window that was received, in the form of the kernel.
	Seen []uint32
	// Size is the length of the replay window. It is 0 for the legacy form.
	Size uint32
	// Legacy is set for struct xfrm_replay_state, whose window has one word. Otherwise it is struct
	// xfrm_replay_state_esn.
	Legacy bool
}

// Equal reports whether all fields are equal.
func (c Counters) Equal(other Counters) bool {
	return c.Sent == other.Sent && c.Received == other.Received && c.HasShapeOf(other) && slices.Equal(c.Seen, other.Seen)
}

// HasShapeOf reports whether the replay windows have the same form and length.
func (c Counters) HasShapeOf(other Counters) bool {
	return c.Legacy == other.Legacy && c.Size == other.Size && len(c.Seen) == len(other.Seen)
}

// MaxWords is the longest replay window of the kernel, in words (XFRMA_REPLAY_ESN_MAX).
const MaxWords = 4096 / 32

// Messages, attributes and flags of include/uapi/linux/xfrm.h.
const (
	messageNewSA  = 0x10
	messageDelSA  = 0x11
	messageGetSA  = 0x12
	messageNewAE  = 0x1e
	messageGetAE  = 0x1f
	attributeAEAD = 18
	// attributeCrypt is the algorithm of an SA without AEAD.
	attributeCrypt     = 2
	attributeReplay    = 10
	attributeReplayESN = 23
	// attributeMask removes the flags from the type of an attribute (NLA_TYPE_MASK).
	attributeMask = 0x3fff
	// flagESN is XFRM_STATE_ESN.
	flagESN = 128
	// groupSA is the group of messages about SAs that are added, changed or removed.
	groupSA = 3
)

// Lengths of structures: xfrm_usersa_id, xfrm_aevent_id, xfrm_usersa_info, xfrm_replay_state, and
// xfrm_replay_state_esn without its window.
const (
	idBytes     = 24
	eventBytes  = 48
	infoBytes   = 224
	legacyBytes = 12
	esnBytes    = 24
)

// Positions within them.
const (
	idInInfo      = 56
	familyInInfo  = 212
	flagsInInfo   = 216
	spiInID       = 16
	familyInID    = 20
	protocolInID  = 22
	protocolInTop = 20 // of struct xfrm_id, which has no family
)

var errMalformed = errors.New("a message of the kernel about an SA is malformed")

// encodeID returns struct xfrm_usersa_id.
func encodeID(id ID) []byte {
	b := make([]byte, idBytes)
	copy(b, id.Destination.AsSlice())
	binary.BigEndian.PutUint32(b[spiInID:], id.SPI)
	family := uint16(unix.AF_INET)
	if id.Destination.Is6() {
		family = unix.AF_INET6
	}
	binary.NativeEndian.PutUint16(b[familyInID:], family)
	b[protocolInID] = unix.IPPROTO_ESP
	return b
}

// encodeEvent returns struct xfrm_aevent_id, which begins with the ID.
func encodeEvent(id ID) []byte { return append(encodeID(id), make([]byte, eventBytes-idBytes)...) }

// encodeCounters returns a request that sets the counters of an SA.
func encodeCounters(id ID, c Counters) []byte {
	b, native := encodeEvent(id), binary.NativeEndian
	length := esnBytes + 4*len(c.Seen)
	kind := uint16(attributeReplayESN)
	if c.Legacy {
		length, kind = legacyBytes, attributeReplay
	}
	b = native.AppendUint16(b, uint16(unix.SizeofNlAttr+length)) //nolint:gosec // The window has at most MaxWords.
	b = native.AppendUint16(b, kind)
	if c.Legacy {
		for _, word := range []uint32{uint32(c.Sent), uint32(c.Received), c.Seen[0]} { //nolint:gosec // It has 32 bits.
			b = native.AppendUint32(b, word)
		}
		return b
	}
	for _, word := range []uint32{
		uint32(len(c.Seen)), uint32(c.Sent), uint32(c.Received), //nolint:gosec // These are the lower halves.
		uint32(c.Sent >> 32), uint32(c.Received >> 32), c.Size, //nolint:gosec // These are the upper halves.
	} {
		b = native.AppendUint32(b, word)
	}
	for _, word := range c.Seen {
		b = native.AppendUint32(b, word)
	}
	return b
}

// decodeEvent decodes the kernel's answer to a request for counters.
func decodeEvent(b []byte) (SA, error) {
	if len(b) < eventBytes {
		return SA{}, errMalformed
	}
	id, isESP, err := decodeID(b, binary.NativeEndian.Uint16(b[familyInID:]), b[protocolInID])
	if err != nil || !isESP {
		return SA{}, errors.Join(errMalformed, err)
	}
	sa := SA{ID: id}
	attributes, err := decodeAttributes(b[eventBytes:])
	if err != nil {
		return SA{}, err
	}
	sa.Counters = attributes.counters
	return sa, nil
}

// decodeInfo decodes an SA of a list. It returns false for an SA of another protocol, without keys, or with a reserved
// SPI.
func decodeInfo(b []byte) (sa SA, isUsed bool, err error) {
	if len(b) < infoBytes {
		return SA{}, false, errMalformed
	}
	id, isESP, err := decodeID(b[idInInfo:], binary.NativeEndian.Uint16(b[familyInInfo:]), b[idInInfo+protocolInTop])
	if err != nil || !isESP || id.SPI <= trialSPI {
		return SA{}, false, err
	}
	attributes, err := decodeAttributes(b[infoBytes:])
	if err != nil || !attributes.hasKeys {
		return SA{}, false, err
	}
	return SA{ID: id, Extended: b[flagsInInfo]&flagESN != 0, Counters: attributes.counters}, true, nil
}

func decodeID(b []byte, family uint16, protocol byte) (id ID, isESP bool, err error) {
	id.SPI = binary.BigEndian.Uint32(b[spiInID:])
	switch family {
	case unix.AF_INET:
		id.Destination = netip.AddrFrom4([4]byte(b))
	case unix.AF_INET6:
		id.Destination = netip.AddrFrom16([16]byte(b))
	default:
		return ID{}, false, errMalformed
	}
	return id, protocol == unix.IPPROTO_ESP, nil
}

// attributes are what is read of the attributes of an SA.
type attributes struct {
	counters Counters
	// hasKeys is set unless the SA only reserves its SPI.
	hasKeys bool
}

// decodeAttributes decodes attributes. It copies no keys.
func decodeAttributes(b []byte) (found attributes, err error) {
	hasCounters := false
	for len(b) > 0 {
		if len(b) < unix.SizeofNlAttr {
			return attributes{}, errMalformed
		}
		length, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])&attributeMask
		if length < unix.SizeofNlAttr || length > len(b) {
			return attributes{}, errMalformed
		}
		data := b[unix.SizeofNlAttr:length]
		b = b[min(len(b), (length+unix.NLA_ALIGNTO-1)&^(unix.NLA_ALIGNTO-1)):]
		switch kind {
		case attributeAEAD, attributeCrypt:
			found.hasKeys = true
		case attributeReplay:
			found.counters, err = decodeLegacy(data)
			hasCounters = true
		case attributeReplayESN:
			found.counters, err = decodeESN(data)
			hasCounters = true
		}
		if err != nil {
			return attributes{}, err
		}
	}
	if !hasCounters {
		return attributes{}, fmt.Errorf("%w: it has no counters", errMalformed)
	}
	return found, nil
}

// decodeLegacy decodes struct xfrm_replay_state.
func decodeLegacy(b []byte) (Counters, error) {
	if len(b) < legacyBytes {
		return Counters{}, errMalformed
	}
	word := func(i int) uint32 { return binary.NativeEndian.Uint32(b[4*i:]) }
	return Counters{Sent: uint64(word(0)), Received: uint64(word(1)), Seen: []uint32{word(2)}, Legacy: true}, nil
}

// decodeESN decodes struct xfrm_replay_state_esn.
func decodeESN(b []byte) (Counters, error) {
	if len(b) < esnBytes {
		return Counters{}, errMalformed
	}
	word := func(i int) uint32 { return binary.NativeEndian.Uint32(b[4*i:]) }
	words, size := word(0), word(5)
	if words > MaxWords || len(b) < esnBytes+4*int(words) || size > 32*words {
		return Counters{}, errMalformed
	}
	c := Counters{
		Sent: uint64(word(3))<<32 | uint64(word(1)), Received: uint64(word(4))<<32 | uint64(word(2)),
		Seen: make([]uint32, words), Size: size,
	}
	for i := range c.Seen {
		c.Seen[i] = word(esnBytes/4 + i)
	}
	return c, nil
}
