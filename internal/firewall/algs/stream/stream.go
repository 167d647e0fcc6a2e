// Package stream puts the payloads of TCP segments in order, so that messages that are split over segments can be read.
// It handles bytes and does no I/O.
//
// It tolerates repeated, overlapping and reordered segments, and begins anywhere in a connection. What it keeps is
// bounded: bytes a connection, connections, and time. Losing it does no harm: the next segment begins a stream again.
//
// Package gateway uses it for control connections.
package stream

import "slices"

const (
	// MaxBytes bounds what a stream keeps. It holds the longest head of a message and a common window of segments.
	MaxBytes = 16 << 10
	// maxWaiting bounds the segments that wait for an earlier one.
	maxWaiting = 64
	// maxEdits bounds the edits. The receiver has acknowledged the older ones long ago.
	maxEdits = 8
)

// Stream is one direction of a connection, from the first segment on that it gets.
type Stream struct {
	begun bool
	// next is the sequence number behind the bytes.
	next uint32
	// bytes are in order and not yet discarded.
	bytes []byte
	// skip is the number of bytes to discard when they come.
	skip int
	// waiting are segments that came before an earlier one.
	waiting []part
	// edits are bytes that replace those of the sender, also in segments that are repeated.
	edits []part
}

// part is a piece of the stream.
type part struct {
	sequence uint32
	bytes    []byte
}

// Add adds the payload of a segment with its sequence number. If the stream would become too long, it begins again with
// this segment.
func (s *Stream) Add(sequence uint32, payload []byte) {
	if len(payload) == 0 {
		return
	}
	if !s.begun || len(s.bytes)+s.waitingBytes()+len(payload) > MaxBytes || len(s.waiting) == maxWaiting {
		*s = Stream{begun: true, next: sequence, edits: s.edits}
	}
	if s.ahead(sequence) > 0 {
		s.waiting = append(s.waiting, part{sequence, slices.Clone(payload)})
		return
	}
	s.take(sequence, payload)
	for s.takeWaiting() {
	}
}

// ahead returns how far a sequence number is ahead of the next one. Sequence numbers wrap.
func (s *Stream) ahead(sequence uint32) int { return int(int32(sequence - s.next)) } //nolint:gosec // It wraps.

// take appends the part of a segment that is new. The segment begins at the next sequence number or before.
func (s *Stream) take(sequence uint32, payload []byte) {
	old := min(-s.ahead(sequence), len(payload))
	payload = payload[old:]
	s.next += uint32(len(payload)) //nolint:gosec // A segment is shorter than 64 KiB.
	skipped := min(s.skip, len(payload))
	s.skip -= skipped
	s.bytes = append(s.bytes, payload[skipped:]...)
}

// takeWaiting takes a segment that no longer waits. It reports whether there was one.
func (s *Stream) takeWaiting() bool {
	i := slices.IndexFunc(s.waiting, func(p part) bool { return s.ahead(p.sequence) <= 0 })
	if i < 0 {
		return false
	}
	p := s.waiting[i]
	s.waiting = slices.Delete(s.waiting, i, i+1)
	s.take(p.sequence, p.bytes)
	return true
}

func (s *Stream) waitingBytes() (n int) {
	for _, p := range s.waiting {
		n += len(p.bytes)
	}
	return n
}

// Bytes returns the bytes in order that are not discarded. They are valid until the next call of another method.
func (s *Stream) Bytes() []byte { return s.bytes }

// Discard discards the next n bytes, including those that have not come yet.
func (s *Stream) Discard(n int) {
	now := min(n, len(s.bytes))
	s.bytes = slices.Delete(s.bytes, 0, now)
	s.skip += n - now
}

// Edit replaces the bytes at an offset in Bytes with as many others, in a segment and when it is repeated. It reports
// false if a part of them came before that segment.
func (s *Stream) Edit(offset int, bytes []byte, sequence uint32, payload []byte) bool {
	at := s.next - uint32(len(s.bytes)) + uint32(offset) //nolint:gosec // Sequence numbers wrap.
	behind := int(int32(at - sequence))                  //nolint:gosec // See above.
	if behind < 0 || behind+len(bytes) > len(payload) {
		return false
	}
	if len(s.edits) == maxEdits {
		s.edits = slices.Delete(s.edits, 0, 1)
	}
	s.edits = append(s.edits, part{at, slices.Clone(bytes)})
	return true
}

// Edited returns the payload of a segment with all edits, or nil without one in it.
func (s *Stream) Edited(sequence uint32, payload []byte) (edited []byte) {
	for _, e := range s.edits {
		for i, b := range e.bytes {
			at := int(int32(e.sequence + uint32(i) - sequence)) //nolint:gosec // Sequence numbers wrap.
			if at < 0 || at >= len(payload) {
				continue
			}
			if edited == nil {
				edited = slices.Clone(payload)
			}
			edited[at] = b
		}
	}
	return edited
}

// IsEmpty reports whether the stream has no bytes and waits for none.
func (s *Stream) IsEmpty() bool { return len(s.bytes) == 0 && len(s.waiting) == 0 && s.skip == 0 }
