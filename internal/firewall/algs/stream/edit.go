package stream

import "slices"

// maxEdits bounds the edits. The receiver has acknowledged the older ones long ago.
const maxEdits = 8

// edit replaces a number of bytes of the sender.
type edit struct {
	sequence uint32
	length   int
	bytes    []byte
}

func (e edit) changesLength() bool { return e.length != len(e.bytes) }

// CanEdit reports whether Edit can replace a number of bytes at an offset in Bytes, in a segment that was added. It
// cannot if a part of them came before that segment. A change of the length also moves what follows, so none of that
// may have passed. No other change may be in the segment, because the kernel knows one position for each direction.
func (s *Stream) CanEdit(offset, length int, keepsLength bool, sequence uint32, payload []byte) bool {
	at := s.SequenceAt(offset)
	behind := distance(at, sequence)
	if behind < 0 || behind+length > len(payload) {
		return false
	}
	if keepsLength {
		return true
	}
	return len(s.waiting) == 0 && distance(s.next, sequence) == len(payload) &&
		!slices.ContainsFunc(s.edits, func(e edit) bool {
			return e.changesLength() && distance(e.sequence, sequence)+e.length > 0 && e.sequence != at
		})
}

// Edit replaces a number of bytes at an offset in Bytes by at least one other, in a segment and when it is repeated. It
// reports false and does nothing if it cannot. If the length changes, the kernel must adjust the sequence numbers
// behind LastKept.
func (s *Stream) Edit(offset, length int, bytes []byte, sequence uint32, payload []byte) bool {
	if !s.CanEdit(offset, length, length == len(bytes), sequence, payload) {
		return false
	}
	if len(s.edits) == maxEdits {
		s.edits = slices.Delete(s.edits, 0, 1)
	}
	s.edits = append(s.edits, edit{s.SequenceAt(offset), length, slices.Clone(bytes)})
	return true
}

// SequenceAt returns the sequence number of the byte at an offset in Bytes.
func (s *Stream) SequenceAt(offset int) uint32 {
	return s.next - uint32(len(s.bytes)) + uint32(offset) //nolint:gosec // Sequence numbers wrap.
}

// LastKept returns the sequence number of the last byte whose place an edit does not move.
func (s *Stream) LastKept(offset, length, instead int) uint32 {
	return s.SequenceAt(offset + min(length, instead) - 1)
}

// distance returns how far a sequence number is ahead of another one. Sequence numbers wrap.
func distance(of, ahead uint32) int { return int(int32(of - ahead)) } //nolint:gosec // They wrap.

// Edited returns the payload of a segment with all edits, or nil without one in it.
//
// A repeated segment may begin or end within an edit. It then has the part of the new bytes that is at its place. If an
// edit is shorter, nothing may be at its place. The payload is then empty, and the segment must not pass: the segment
// before has all new bytes.
func (s *Stream) Edited(sequence uint32, payload []byte) (edited []byte) {
	var resizing []edit
	for _, e := range s.edits {
		at := distance(e.sequence, sequence)
		switch {
		case at >= len(payload) || at+e.length <= 0:
			continue
		case edited == nil:
			edited = slices.Clone(payload)
		}
		if e.changesLength() {
			resizing = append(resizing, e)
			continue
		}
		from := max(0, -at)
		copy(edited[at+from:], e.bytes[from:])
	}
	// From the last one on, so that the places of the others stay.
	slices.SortFunc(resizing, func(a, b edit) int { return distance(b.sequence, a.sequence) })
	for _, e := range resizing {
		edited = e.replace(edited, distance(e.sequence, sequence))
	}
	return edited
}

// replace returns a payload with the new bytes in the place of the old ones, which begin at an offset. The offset is
// negative if the payload begins within them.
func (e edit) replace(payload []byte, at int) []byte {
	begin, end := max(at, 0), min(at+e.length, len(payload))
	from, to := begin-at, len(e.bytes)
	if from >= len(e.bytes) {
		return []byte{}
	}
	if end < at+e.length {
		to = min(end-at, len(e.bytes))
	}
	return slices.Concat(payload[:begin], e.bytes[from:to], payload[end:])
}
