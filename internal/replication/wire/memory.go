package wire

import (
	"fmt"
	"slices"
)

// Memory is where a frame is decoded. It is used again for the next one, so that a stream of frames costs no more than
// the keys that are in them.
type Memory struct {
	bytes   []byte
	decoder decoder
	// The frames that come all the time.
	records Records
	delta   Delta
	ack     Ack
}

// Bytes makes room for the n bytes of a frame, from its kind onwards. What was decoded here before is no longer valid,
// but for its keys and other text.
func (m *Memory) Bytes(n int) []byte {
	m.bytes = slices.Grow(m.bytes[:0], n)[:n]
	return m.bytes
}

// Decode decodes the frame whose bytes were put here.
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
		d.fail("%d bytes too many", d.left())
	}
	if d.err != nil {
		return nil, fmt.Errorf("frame of kind %d: %w", kind, d.err)
	}
	return f, nil
}

// Decode decodes a frame from its kind onwards. The frame refers to b, which must be its own.
func Decode(b []byte) (Frame, error) { return (&Memory{bytes: b}).Decode() }

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

// room is an empty slice for n items, in the memory of those of an earlier frame if that is enough.
func room[T any](earlier []T, n int) []T {
	if earlier == nil || cap(earlier) < n {
		return make([]T, 0, n)
	}
	clear(earlier[min(n, len(earlier)):]) // what is not written over would keep the earlier frame's keys
	return earlier[:0]
}
