package connectioncache

import (
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// Room for the key and record of a usual connection; a batch with others grows.
const (
	usualKey    = 24
	usualRecord = 16
)

// batch makes changes of flows. The keys of all of them share one piece of memory, and so do the records: a batch costs
// the same few allocations however large it is.
type batch struct {
	keys, records []byte
	entries       []entry
}

// entry is where a change ends in keys and records. A removal has no record.
type entry struct{ key, record int }

func newBatch(size int) *batch {
	return &batch{
		keys: make([]byte, 0, size*usualKey), records: make([]byte, 0, size*usualRecord), entries: make([]entry, 0, size),
	}
}

// upsert adds that the flow is as it is. Fresh is whether it is new to the other unit, as far as is known here.
func (b *batch) upsert(f *conntrack.Flow, fresh bool) {
	trimToPortable(f)
	b.keys, b.records = appendKey(b.keys, f), appendRecord(b.records, f, fresh)
	b.entries = append(b.entries, entry{len(b.keys), len(b.records)})
}

// remove adds that the flow is gone.
func (b *batch) remove(f *conntrack.Flow) {
	b.keys = appendKey(b.keys, f)
	b.entries = append(b.entries, entry{len(b.keys), len(b.records)})
}

func (b *batch) full() bool { return len(b.entries) == cap(b.entries) }

// changes are what was added, in that order.
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
