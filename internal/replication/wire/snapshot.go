package wire

import (
	"encoding/binary"

	"github.com/hapair-io/hapair/internal/state"
)

// Begin begins a snapshot of a class, or of a part of it. It replaces everything that was sent before of the class.
type Begin struct {
	Term       uint64
	Position   uint64
	Class      state.Class
	Generation uint64
	// Scope and Seed are the part of the class, see package audit; empty and 0 for all of it.
	Scope []byte
	Seed  uint64
}

// Kind implements Frame.
func (*Begin) Kind() Kind { return KindBegin }

// append omits the seed if there is no scope.
func (f *Begin) append(b []byte) []byte {
	b = appendBytes(appendHead(b, f.Term, f.Position, f.Class, f.Generation), f.Scope)
	if len(f.Scope) == 0 {
		return b
	}
	return binary.BigEndian.AppendUint64(b, f.Seed)
}

// decode implements Frame.
func (f *Begin) decode(d *decoder) {
	d.head(&f.Term, &f.Position, &f.Class, &f.Generation)
	if scope := d.bytes(maxScope); len(scope) > 0 {
		f.Scope, f.Seed = scope, d.uint64()
	}
}

// Records is a part of a snapshot.
type Records struct {
	Term       uint64
	Position   uint64
	Class      state.Class
	Generation uint64
	Entries    []Entry
}

// Kind implements Frame.
func (*Records) Kind() Kind { return KindRecords }

// append implements Frame.
func (f *Records) append(b []byte) []byte {
	b = appendHead(b, f.Term, f.Position, f.Class, f.Generation)
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.Entries)))
	for _, e := range f.Entries {
		b = appendBytes(appendBytes(b, e.Key), e.Record)
	}
	return b
}

// decode implements Frame.
func (f *Records) decode(d *decoder) {
	d.head(&f.Term, &f.Position, &f.Class, &f.Generation)
	n := d.count(maxEntries, 2)
	d.prepareKeys()
	f.Entries = reuse(f.Entries, n)
	for range n {
		f.Entries = append(f.Entries, Entry{Key: d.key(), Record: d.bytes(maxRecord)})
	}
}

// Entry is one entry of a snapshot.
type Entry struct {
	Key    string
	Record []byte
}

// SnapshotEnd ends a snapshot. Entries in its scope that it did not mention do not exist.
type SnapshotEnd struct {
	Term       uint64
	Position   uint64
	Class      state.Class
	Generation uint64
	// Count is the number of entries that were sent. The standby checks that it received all of them.
	Count uint64
}

// Kind implements Frame.
func (*SnapshotEnd) Kind() Kind { return KindSnapshotEnd }

// append implements Frame.
func (f *SnapshotEnd) append(b []byte) []byte {
	b = appendHead(b, f.Term, f.Position, f.Class, f.Generation)
	return binary.BigEndian.AppendUint64(b, f.Count)
}

// decode implements Frame.
func (f *SnapshotEnd) decode(d *decoder) {
	d.head(&f.Term, &f.Position, &f.Class, &f.Generation)
	f.Count = d.uint64()
}
