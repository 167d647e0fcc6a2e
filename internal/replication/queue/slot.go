package queue

import "github.com/hapair-io/hapair/internal/state"

// room is how many bytes of key and record a slot holds itself: those of a translated connection over IPv6, and what
// makes a slot 128 bytes, which is two lines of a processor's cache.
const room = 96

// slot is one change that waits. There is no pointer in it: the garbage collector has nothing to look at in a queue,
// however long it is.
type slot struct {
	arrival    uint64 // number of the entry's first arrival
	prev, next place  // in the order of arrival
	hash       uint32 // of the key
	key        uint32 // length of the key
	record     uint32 // length of the record
	class      state.Class
	op         state.Op
	bytes      [room]byte // key and record, when they have room here
}

// size is that of key and record.
func (s *slot) size() int { return int(s.key) + int(s.record) }

// roomy says whether key and record are in the slot itself.
func (s *slot) roomy() bool { return s.size() <= room }
