package queue

import (
	"slices"
	"strings"

	"github.com/hapair-io/hapair/internal/state"
)

// popped is the last result of Pop. Its memory is reused, except for the keys: strings are immutable, so each Pop
// allocates one that contains all keys.
type popped struct {
	changes []state.Change
	keys    strings.Builder
	records []byte
}

// begin reserves memory for changes, and for the bytes of their keys and records.
func (p *popped) begin(changes, keys, records int) {
	clear(p.changes[min(changes, len(p.changes)):]) // what is not overwritten would hold the keys of earlier results
	p.changes = slices.Grow(p.changes[:0], changes)
	p.records = slices.Grow(p.records[:0], records)
	p.keys.Reset()
	p.keys.Grow(keys)
}

// add adds a copy of a slot.
func (p *popped) add(a *arena, at place) {
	s := a.at(at)
	key, record := a.content(at)
	p.keys.Write(key)
	p.records = append(p.records, record...)
	change := state.Change{Class: s.class, Op: s.op, Key: p.keys.String()[p.keys.Len()-len(key):]}
	if len(record) > 0 {
		change.Record = slices.Clip(p.records[len(p.records)-len(record):])
	}
	p.changes = append(p.changes, change)
}
