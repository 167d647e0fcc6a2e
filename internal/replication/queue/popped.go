package queue

import (
	"slices"
	"strings"

	"github.com/hapair-io/hapair/internal/state"
)

// popped is what Pop returned last. Its memory is used again, but for the keys: since a string never changes, each Pop
// makes one, of which every key is a part.
type popped struct {
	changes []state.Change
	keys    strings.Builder
	records []byte
}

// begin makes room for so many changes with keys and records of so many bytes.
func (l *popped) begin(changes, keys, records int) {
	clear(l.changes[min(changes, len(l.changes)):]) // what is not written over would keep the keys of earlier Pops
	l.changes = slices.Grow(l.changes[:0], changes)
	l.records = slices.Grow(l.records[:0], records)
	l.keys.Reset()
	l.keys.Grow(keys)
}

// add copies a slot.
func (l *popped) add(a *arena, p place) {
	s := a.at(p)
	key, record := a.content(p)
	l.keys.Write(key)
	l.records = append(l.records, record...)
	change := state.Change{Class: s.class, Op: s.op, Key: l.keys.String()[l.keys.Len()-len(key):]}
	if len(record) > 0 {
		change.Record = slices.Clip(l.records[len(l.records)-len(record):])
	}
	l.changes = append(l.changes, change)
}
