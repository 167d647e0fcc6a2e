package queue

import (
	"slices"

	"github.com/hapair-io/hapair/internal/state"
)

const (
	// chunkSlots is how many slots are allocated at once: 64 KiB.
	chunkSlots = 512
	// keptChunks is how much an empty queue keeps for what comes next: 1 MiB. A flood that took more gives it back.
	keptChunks = 16
)

// chunk never moves, and neither do its slots: to grow copies nothing.
type chunk [chunkSlots]slot

// place is where a slot is in its arena.
type place uint32

// nowhere is no place.
const nowhere place = 0

// arena is the memory of slots. What was freed is used again before anything new is.
type arena struct {
	chunks []*chunk
	used   place // slots that were taken since the arena was last empty
	freed  place // the slot that was freed last; each leads to the one before it
	// large are key and record of the slots that have no room for them.
	large map[place][]byte
}

func (a *arena) at(p place) *slot { return &a.chunks[(p-1)/chunkSlots][(p-1)%chunkSlots] }

// take makes a slot of a change.
func (a *arena) take(c state.Change) place {
	p := a.freed
	if p == nowhere {
		a.used++
		p = a.used
		if int(p) > len(a.chunks)*chunkSlots {
			a.chunks = append(a.chunks, &chunk{})
		}
	} else {
		a.freed = a.at(p).next
	}
	s := a.at(p)
	s.key, s.record = 0, 0
	a.write(p, c, c.Record)
	return p
}

// write makes the slot be of the change, with another record, which may be part of the one that was in the slot.
func (a *arena) write(p place, c state.Change, record []byte) {
	s := a.at(p)
	hadRoom := s.roomy()
	bytes := s.bytes[:0]
	if size := len(c.Key) + len(record); size > room {
		bytes = make([]byte, 0, size) // and not a byte more, or the queue would hold more than it says
	}
	bytes = append(append(bytes, c.Key...), record...)
	s.class, s.op, s.key, s.record = c.Class, c.Op, uint32(len(c.Key)), uint32(len(record))
	switch {
	case !s.roomy():
		if a.large == nil {
			a.large = map[place][]byte{}
		}
		a.large[p] = bytes
	case !hadRoom:
		delete(a.large, p)
	}
}

// content is a slot's key and record. They are valid until the slot is written or freed; to append to them copies them.
func (a *arena) content(p place) (key, record []byte) {
	s := a.at(p)
	bytes := s.bytes[:]
	if !s.roomy() {
		bytes = a.large[p]
	}
	return bytes[:s.key:s.key], bytes[s.key:s.size():s.size()]
}

func (a *arena) free(p place) {
	s := a.at(p)
	if !s.roomy() {
		delete(a.large, p)
	}
	s.next, a.freed = a.freed, p
}

// reset frees all slots.
func (a *arena) reset() {
	if a.used > keptChunks*chunkSlots {
		a.chunks = slices.Clone(a.chunks[:keptChunks])
		a.large = nil
	}
	if len(a.large) > 0 { // to clear an empty map that was large once is work too
		clear(a.large)
	}
	a.used, a.freed = 0, nowhere
}
