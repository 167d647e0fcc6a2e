// Package stream puts the payloads of TCP segments in order, so that messages that are split over segments can be read.
// It handles bytes and does no I/O.
//
// It tolerates repeated, overlapping and reordered segments, and begins anywhere in a connection. What it keeps is
// bounded: bytes a connection, connections, and time. Losing it does no harm: the next segment begins a stream again.
//
// Package gateway uses it for control connections.
package stream

import (
	"slices"
	"time"
)

const (
	// MaxBytes bounds what a stream keeps. It holds the longest head of a message and a common window of segments.
	MaxBytes = 16 << 10
	// maxReordering is above the time by which a network reorders segments.
	maxReordering = 500 * time.Millisecond
	// maxWaiting bounds the segments that wait for an earlier one.
	maxWaiting = 64
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
	// seen is when the last segment came; zero if that is unknown.
	seen time.Time
	// waiting are segments that came before an earlier one.
	waiting []part
	// edits replace bytes of the sender, also in segments that are repeated.
	edits []edit
}

// part is a piece of the stream.
type part struct {
	sequence uint32
	bytes    []byte
}

// Add adds the payload of a segment with its sequence number, which comes now. If the stream would become too long, it
// begins again with this segment. So it does after a pause or a long gap: another unit has forwarded what is missing.
func (s *Stream) Add(now time.Time, sequence uint32, payload []byte) {
	isResumed := !s.seen.IsZero() && now.Sub(s.seen) > maxReordering
	s.seen = now
	if len(payload) == 0 {
		return
	}
	if !s.begun || len(s.bytes)+s.waitingBytes()+len(payload) > MaxBytes || len(s.waiting) == maxWaiting ||
		isResumed && s.ahead(sequence) > 0 || s.ahead(sequence) > MaxBytes {
		*s = Stream{begun: true, next: sequence, edits: s.edits, seen: s.seen}
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

// IsEmpty reports whether the stream has no bytes and waits for none.
func (s *Stream) IsEmpty() bool { return len(s.bytes) == 0 && len(s.waiting) == 0 && s.skip == 0 }
