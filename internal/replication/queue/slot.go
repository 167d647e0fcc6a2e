package queue

import "github.com/hapair-io/hapair/internal/state"

// inlineBytes is how many bytes of key and record fit in a slot. A translated IPv6 connection fits, and a slot takes
// 128 bytes, which are two cache lines.
const inlineBytes = 96

// place is the position of a slot in its arena, from 1.
type place uint32

// nowhere is the place of no slot.
const nowhere place = 0

// slot is one change that waits. It contains no pointer, so the garbage collector does not scan a queue.
type slot struct {
	arrival    uint64 // number of the entry's first change
	prev, next place  // in the order of arrival
	hash       uint32 // of the key
	key        uint32 // length of the key
	record     uint32 // length of the record
	class      state.Class
	op         state.Op
	bytes      [inlineBytes]byte // key and record, if they fit
}

// size returns the size of key and record.
func (s *slot) size() int { return int(s.key) + int(s.record) }

// isInline reports whether key and record are in the slot itself.
func (s *slot) isInline() bool { return s.size() <= inlineBytes }
