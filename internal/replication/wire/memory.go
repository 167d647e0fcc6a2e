package wire

import (
	"fmt"
	"slices"
)

// Memory is the memory of a decoded frame. It is reused for the next one, so that a stream of frames allocates only the
// keys in them.
type Memory struct {
	bytes   []byte
	decoder decoder
	// The most frequent frames.
	records Records
	delta   Delta
	ack     Ack
}

// Bytes returns memory for the n bytes of a frame, from its kind onwards. The frame that was decoded here before
// becomes invalid, except for its keys and other text.
func (m *Memory) Bytes(n int) []byte {
	m.bytes = slices.Grow(m.bytes[:0], n)[:n]
	return m.bytes
}

// Decode decodes the frame in the memory that Bytes returned.
func (m *Memory) Decode() (Frame, error) {
	if len(m.bytes) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrFrame)
	}
	kind := Kind(m.bytes[0])
	f := m.frame(kind)
	if f == nil {
		return nil, fmt.Errorf("%w: unknown kind %d", ErrFrame, kind)
	}
	d := &m.decoder
	*d = decoder{frame: m.bytes[1:]}
	f.decode(d)
	if d.err == nil && d.left() != 0 {
		d.fail("%d bytes left over", d.left())
	}
	if d.err != nil {
		return nil, fmt.Errorf("frame of kind %d: %w", kind, d.err)
	}
	return f, nil
}

// Decode decodes a frame from its kind onwards. The frame refers to b, which the caller must not change.
func Decode(b []byte) (Frame, error) { return (&Memory{bytes: b}).Decode() }

// frame returns a frame of a kind to decode into; nil if the kind is unknown.
func (m *Memory) frame(kind Kind) Frame {
	switch kind {
	case KindRecords:
		return &m.records
	case KindDelta:
		return &m.delta
	case KindAck:
		return &m.ack
	default:
		return newFrame(kind)
	}
}

// newFrame returns an empty frame of a kind; nil if the kind is unknown.
func newFrame(kind Kind) Frame {
	switch kind {
	case KindHello:
		return &Hello{}
	case KindRole:
		return &RoleChange{}
	case KindBegin:
		return &Begin{}
	case KindRecords:
		return &Records{}
	case KindSnapshotEnd:
		return &SnapshotEnd{}
	case KindDelta:
		return &Delta{}
	case KindAck:
		return &Ack{}
	case KindResync:
		return &Resync{}
	case KindSync:
		return &Sync{}
	case KindBarrier:
		return &Barrier{}
	case KindBarrierAck:
		return &BarrierAck{}
	case KindRelinquish:
		return &Relinquish{}
	case KindRelinquishAck:
		return &RelinquishAck{}
	case KindPing:
		return &Ping{}
	case KindBye:
		return &Bye{}
	case KindDigestRequest:
		return &DigestRequest{}
	case KindDigests:
		return &Digests{}
	case KindAddresses:
		return &Addresses{}
	default:
		return nil
	}
}
