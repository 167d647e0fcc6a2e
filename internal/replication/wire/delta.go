package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/hapair-io/hapair/internal/state"
)

// Fits returns an error if a change is too large for any frame.
func Fits(c state.Change) error {
	if len(c.Key) > maxKey || len(c.Record) > maxRecord {
		return fmt.Errorf("an entry of class %s has a key of %d bytes and a record of %d bytes, allowed are %d and %d",
			c.Class, len(c.Key), len(c.Record), maxKey, maxRecord)
	}
	return nil
}

// Delta has changes since the snapshot, in order.
type Delta struct {
	Term     uint64
	Position uint64
	Class    state.Class
	Changes  []state.Change
}

// Kind implements Frame.
func (*Delta) Kind() Kind { return KindDelta }

// append implements Frame.
func (f *Delta) append(b []byte) []byte {
	b = appendHead(b, f.Term, f.Position, f.Class, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.Changes)))
	for _, c := range f.Changes {
		b = appendBytes(append(b, byte(c.Op)), c.Key)
		if c.Op == state.Upsert {
			b = appendBytes(b, c.Record)
		}
	}
	return b
}

// decode implements Frame.
func (f *Delta) decode(d *decoder) {
	var unused uint64
	d.head(&f.Term, &f.Position, &f.Class, &unused)
	n := d.count(maxEntries, 2)
	d.prepareKeys()
	f.Changes = reuse(f.Changes, n)
	for range n {
		c := state.Change{Class: f.Class, Op: state.Op(d.uint8()), Key: d.key()}
		switch c.Op {
		case state.Upsert:
			c.Record = d.bytes(maxRecord)
		case state.Delete:
		default:
			d.fail("unknown operation %d", c.Op)
		}
		f.Changes = append(f.Changes, c)
	}
}

// maxHeld is the longest duration that a field of 32 bits holds.
const maxHeld = math.MaxUint32 * time.Microsecond

// Ack acknowledges that everything up to a position is written.
type Ack struct {
	Position uint64
	// Held is how long ago the last of it was written. It is sent in microseconds, and at most maxHeld.
	Held time.Duration
}

// Kind implements Frame.
func (*Ack) Kind() Kind { return KindAck }

// append implements Frame.
func (f *Ack) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, f.Position)
	return binary.BigEndian.AppendUint32(b, uint32(min(max(f.Held, 0), maxHeld)/time.Microsecond))
}

// decode implements Frame.
func (f *Ack) decode(d *decoder) {
	f.Position = d.uint64()
	f.Held = time.Duration(d.uint32()) * time.Microsecond
}
