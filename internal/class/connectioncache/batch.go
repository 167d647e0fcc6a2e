package connectioncache

import (
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// Capacity for the key and record of a typical connection. A batch grows if others need more.
const (
	usualKey    = 24
	usualRecord = 16
)

// batch translates flows into changes. All keys share one piece of memory, and so do all records. A batch of any size
// takes the same few allocations.
type batch struct {
	keys, records []byte
	entries       []entry
}

// entry is where a change ends in keys and records. A deletion has no record.
type entry struct{ key, record int }

// newBatch returns a batch with capacity for a number of changes.
func newBatch(size int) *batch {
	return &batch{
		keys: make([]byte, 0, size*usualKey), records: make([]byte, 0, size*usualRecord), entries: make([]entry, 0, size),
	}
}

// upsert adds an upsert of the flow. Fresh reports that the other unit probably does not have it yet.
func (b *batch) upsert(f *conntrack.Flow, fresh bool) {
	trimToPortable(f)
	b.keys, b.records = appendKey(b.keys, f), appendRecord(b.records, f, fresh)
	b.entries = append(b.entries, entry{len(b.keys), len(b.records)})
}

// remove adds the deletion of the flow.
func (b *batch) remove(f *conntrack.Flow) {
	b.keys = appendKey(b.keys, f)
	b.entries = append(b.entries, entry{len(b.keys), len(b.records)})
}

// full reports whether the batch has reached its capacity.
func (b *batch) full() bool { return len(b.entries) == cap(b.entries) }

// changes returns what was added, in order.
func (b *batch) changes() []state.Change {
	keys, changes := string(b.keys), make([]state.Change, 0, len(b.entries))
	var last entry
	for _, e := range b.entries {
		c := state.Change{Class: state.ConnectionCache, Op: state.Delete, Key: keys[last.key:e.key]}
		if e.record > last.record {
			c.Op, c.Record = state.Upsert, b.records[last.record:e.record:e.record]
		}
		changes = append(changes, c)
		last = e
	}
	return changes
}
