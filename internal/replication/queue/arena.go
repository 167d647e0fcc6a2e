package queue

import (
	"slices"

	"github.com/hapair-io/hapair/internal/state"
)

const (
	// chunkSlots is how many slots are allocated at once: 64 KiB.
	chunkSlots = 512
	// reservedChunks is what an empty queue keeps for later changes: 1 MiB. Memory beyond it is released after a flood.
	reservedChunks = 16
)

// chunk holds slots. It never moves, so that the arena grows without copying.
type chunk [chunkSlots]slot

// arena allocates slots. It reuses freed slots before it takes new ones. It is not safe for concurrent use.
type arena struct {
	chunks []*chunk
	used   place // number of slots taken since the arena was last empty
	freed  place // the slot that was freed last; its next is the one freed before
	// large has the key and record of each slot that they do not fit in.
	large map[place][]byte
}

// at returns the slot at a place.
func (a *arena) at(p place) *slot { return &a.chunks[(p-1)/chunkSlots][(p-1)%chunkSlots] }

// take stores a change in a slot.
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

// write stores a change with another record in a slot. The record may be part of the one that the slot holds.
func (a *arena) write(p place, c state.Change, record []byte) {
	s := a.at(p)
	wasInline := s.isInline()
	bytes := s.bytes[:0]
	if size := len(c.Key) + len(record); size > inlineBytes {
		bytes = make([]byte, 0, size) // exactly, or the queue would exceed its bound
	}
	bytes = append(append(bytes, c.Key...), record...)
	s.class, s.op, s.key, s.record = c.Class, c.Op, uint32(len(c.Key)), uint32(len(record))
	switch {
	case !s.isInline():
		if a.large == nil {
			a.large = map[place][]byte{}
		}
		a.large[p] = bytes
	case !wasInline:
		delete(a.large, p)
	}
}

// content returns a slot's key and record. They are valid until the slot is written or freed. An append copies them.
func (a *arena) content(p place) (key, record []byte) {
	s := a.at(p)
	bytes := s.bytes[:]
	if !s.isInline() {
		bytes = a.large[p]
	}
	return bytes[:s.key:s.key], bytes[s.key:s.size():s.size()]
}

// free makes a slot available again.
func (a *arena) free(p place) {
	s := a.at(p)
	if !s.isInline() {
		delete(a.large, p)
	}
	s.next, a.freed = a.freed, p
}

// reset frees all slots.
func (a *arena) reset() {
	if a.used > reservedChunks*chunkSlots {
		a.chunks = slices.Clone(a.chunks[:reservedChunks])
		a.large = nil
	}
	if len(a.large) > 0 { // clearing a map takes time even if it is empty, when it was large before
		clear(a.large)
	}
	a.used, a.freed = 0, nowhere
}
