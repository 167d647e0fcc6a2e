package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/hapair-io/hapair/internal/state"
)

// Bounds of a frame and of what is in it. A sender stays well below them.
const (
	// MaxFrame is the size of the largest frame, its length field apart.
	MaxFrame = 1 << 20
	// MaxEntries is how many entries or changes one frame holds at most.
	MaxEntries = 4096
	maxText    = 253 // the longest name in Kubernetes
	maxReason  = 1024
	maxKey     = 1024
	maxRecord  = 64 << 10
	maxClasses = 64
	maxScope   = 8 << 10 // of as many buckets as maxSums
	maxSums    = 1 << 16
)

// LengthSize is the size of the length that precedes a frame.
const LengthSize = 4

// Fits says why a change has no room in any frame; nil when it has.
func Fits(c state.Change) error {
	if len(c.Key) > maxKey || len(c.Record) > maxRecord {
		return fmt.Errorf("an entry of class %s has a key of %d and a record of %d bytes, allowed are %d and %d",
			c.Class, len(c.Key), len(c.Record), maxKey, maxRecord)
	}
	return nil
}

// ErrFrame is of bytes that are no frame.
var ErrFrame = errors.New("not a frame of the replication protocol")

// Append appends a frame.
func Append(b []byte, f Frame) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, byte(f.Kind()))
	b = f.append(b)
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-LengthSize))
	return b
}

// Length reads the length that precedes a frame, and checks it before anyone makes room for so much.
func Length(b [LengthSize]byte) (int, error) {
	n := binary.BigEndian.Uint32(b[:])
	if n == 0 || n > MaxFrame {
		return 0, fmt.Errorf("%w: %d bytes long, allowed are 1 to %d", ErrFrame, n, MaxFrame)
	}
	return int(n), nil
}

// decoder takes fields off a frame. After its first error it yields zeros, so that the error is looked at once.
type decoder struct {
	frame []byte
	next  int // what comes next; a number, since a pointer that moves would be the garbage collector's business
	err   error
	// text is a copy of a frame of many keys: they are parts of it, which is one allocation instead of as many as there
	// are keys.
	text string
}

// left is how many bytes were not taken yet.
func (d *decoder) left() int { return len(d.frame) - d.next }

// skip passes over all that is left.
func (d *decoder) skip() { d.next = len(d.frame) }

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrFrame, fmt.Sprintf(format, args...))
	}
	d.skip()
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || n > d.left() {
		d.fail("%d bytes wanted of %d", n, d.left())
		return nil
	}
	d.next += n
	return d.frame[d.next-n : d.next : d.next]
}

func (d *decoder) uint8() uint8 {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) bool() bool {
	value := d.uint8()
	if value > 1 {
		d.fail("%d is neither true nor false", value)
	}
	return value == 1
}

func appendBool(b []byte, value bool) []byte {
	if value {
		return append(b, 1)
	}
	return append(b, 0)
}

func (d *decoder) uint16() uint16 {
	if b := d.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// count is how many items follow; each takes at least size bytes, so that a lie is found before it costs memory.
func (d *decoder) count(limit, size int) int {
	n := int(d.uint16())
	if n > limit || n*size > d.left() {
		d.fail("%d items of at least %d bytes in %d, allowed are %d", n, size, d.left(), limit)
		return 0
	}
	return n
}

// bytes is preceded by its length as a variable-length number, since most are short.
func (d *decoder) bytes(limit int) []byte {
	n, size := binary.Uvarint(d.frame[d.next:])
	if d.err != nil || size <= 0 || n > uint64(limit) {
		d.fail("a length of %d where %d is allowed", n, limit)
		return nil
	}
	d.next += size
	return d.take(int(n))
}

func (d *decoder) string(limit int) string { return string(d.bytes(limit)) }

// manyKeys says that keys come.
func (d *decoder) manyKeys() { d.text = string(d.frame) }

func (d *decoder) key() string {
	n := len(d.bytes(maxKey))
	return d.text[d.next-n : d.next]
}

func appendBytes[T []byte | string](b []byte, value T) []byte {
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

func (f *Hello) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, f.Version)
	b = binary.BigEndian.AppendUint16(b, f.OldestVersion)
	for _, text := range []string{f.Pair, f.Namespace, f.Unit, f.Incarnation} {
		b = appendBytes(b, text)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.Classes)))
	for _, c := range f.Classes {
		b = append(b, byte(c))
	}
	return b
}

// decode leaves room behind the known fields: a newer version may add some, and this is the frame by which one finds
// out that it is newer.
func (f *Hello) decode(d *decoder) {
	f.Version, f.OldestVersion = d.uint16(), d.uint16()
	for _, text := range []*string{&f.Pair, &f.Namespace, &f.Unit, &f.Incarnation} {
		*text = d.string(maxText)
	}
	for range d.count(maxClasses, 1) {
		f.Classes = append(f.Classes, state.Class(d.uint8()))
	}
	d.skip()
}

func (f *RoleChange) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(append(b, byte(f.Role)), f.Term)
}

func (f *RoleChange) decode(d *decoder) {
	f.Role, f.Term = Role(d.uint8()), d.uint64()
	if f.Role > RoleStandby {
		d.fail("unknown role %d", f.Role)
	}
}

func (f *DigestRequest) append(b []byte) []byte {
	b = appendHead(b, f.Term, f.Position, f.Class, f.Generation)
	return appendBool(binary.BigEndian.AppendUint64(b, f.Seed), f.Background)
}

func (f *DigestRequest) decode(d *decoder) {
	d.head(&f.Term, &f.Position, &f.Class, &f.Generation)
	f.Seed, f.Background = d.uint64(), d.bool()
}

func (f *Digests) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(append(b, byte(f.Class)), f.Generation)
	b = binary.BigEndian.AppendUint64(appendBool(b, f.Known), f.Entries)
	for _, sum := range f.Sums {
		b = binary.BigEndian.AppendUint64(b, sum)
	}
	return b
}

// decode takes all that is left for sums.
func (f *Digests) decode(d *decoder) {
	f.Class, f.Generation = state.Class(d.uint8()), d.uint64()
	f.Known, f.Entries = d.bool(), d.uint64()
	n := d.left() / 8
	if n > maxSums {
		d.fail("%d sums, allowed are %d", n, maxSums)
		return
	}
	for range n {
		f.Sums = append(f.Sums, d.uint64())
	}
}

// append leaves the seed of no scope out.
func (f *Begin) append(b []byte) []byte {
	b = appendBytes(appendHead(b, f.Term, f.Position, f.Class, f.Generation), f.Scope)
	if len(f.Scope) == 0 {
		return b
	}
	return binary.BigEndian.AppendUint64(b, f.Seed)
}

func (f *Begin) decode(d *decoder) {
	d.head(&f.Term, &f.Position, &f.Class, &f.Generation)
	if scope := d.bytes(maxScope); len(scope) > 0 {
		f.Scope, f.Seed = scope, d.uint64()
	}
}

func (f *Records) append(b []byte) []byte {
	b = appendHead(b, f.Term, f.Position, f.Class, f.Generation)
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.Entries)))
	for _, e := range f.Entries {
		b = appendBytes(appendBytes(b, e.Key), e.Record)
	}
	return b
}

func (f *Records) decode(d *decoder) {
	d.head(&f.Term, &f.Position, &f.Class, &f.Generation)
	n := d.count(MaxEntries, 2)
	d.manyKeys()
	f.Entries = room(f.Entries, n)
	for range n {
		f.Entries = append(f.Entries, Entry{Key: d.key(), Record: d.bytes(maxRecord)})
	}
}

func (f *SnapshotEnd) append(b []byte) []byte {
	b = appendHead(b, f.Term, f.Position, f.Class, f.Generation)
	return binary.BigEndian.AppendUint64(b, f.Count)
}

func (f *SnapshotEnd) decode(d *decoder) {
	d.head(&f.Term, &f.Position, &f.Class, &f.Generation)
	f.Count = d.uint64()
}

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

func (f *Delta) decode(d *decoder) {
	var unused uint64
	d.head(&f.Term, &f.Position, &f.Class, &unused)
	n := d.count(MaxEntries, 2)
	d.manyKeys()
	f.Changes = room(f.Changes, n)
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

// appendHead appends what all frames of state begin with.
func appendHead(b []byte, term, position uint64, class state.Class, generation uint64) []byte {
	b = binary.BigEndian.AppendUint64(b, term)
	b = binary.BigEndian.AppendUint64(b, position)
	b = append(b, byte(class))
	return binary.BigEndian.AppendUint64(b, generation)
}

func (d *decoder) head(term, position *uint64, class *state.Class, generation *uint64) {
	*term, *position = d.uint64(), d.uint64()
	*class, *generation = state.Class(d.uint8()), d.uint64()
}

// maxHeld is what a field of 32 bits holds.
const maxHeld = math.MaxUint32 * time.Microsecond

func (f *Ack) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, f.Position)
	return binary.BigEndian.AppendUint32(b, uint32(min(max(f.Held, 0), maxHeld)/time.Microsecond))
}

func (f *Ack) decode(d *decoder) {
	f.Position = d.uint64()
	f.Held = time.Duration(d.uint32()) * time.Microsecond
}

func (f *Resync) append(b []byte) []byte { return append(b, byte(f.Class)) }
func (f *Resync) decode(d *decoder)      { f.Class = state.Class(d.uint8()) }

func (f *Sync) append(b []byte) []byte {
	return appendBool(binary.BigEndian.AppendUint64(b, f.Term), f.InSync)
}

func (f *Sync) decode(d *decoder) {
	f.Term, f.InSync = d.uint64(), d.bool()
}

func (f *Barrier) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, f.Term), f.ID)
}
func (f *Barrier) decode(d *decoder) { f.Term, f.ID = d.uint64(), d.uint64() }

func (f *BarrierAck) append(b []byte) []byte { return binary.BigEndian.AppendUint64(b, f.ID) }
func (f *BarrierAck) decode(d *decoder)      { f.ID = d.uint64() }

// append leaves a sequence of 0 out.
func (f *Relinquish) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, f.Term)
	if f.Sequence == 0 {
		return b
	}
	return binary.BigEndian.AppendUint64(b, f.Sequence)
}

func (f *Relinquish) decode(d *decoder) {
	f.Term = d.uint64()
	if d.left() == 0 {
		return
	}
	if f.Sequence = d.uint64(); f.Sequence == 0 {
		d.fail("a sequence of 0 is left out")
	}
}

func (f *RelinquishAck) append(b []byte) []byte { return binary.BigEndian.AppendUint64(b, f.Term) }
func (f *RelinquishAck) decode(d *decoder)      { f.Term = d.uint64() }

func (*Ping) append(b []byte) []byte { return b }
func (*Ping) decode(*decoder)        {}

func (f *Bye) append(b []byte) []byte {
	return appendBytes(b, f.Reason[:min(len(f.Reason), maxReason)])
}
func (f *Bye) decode(d *decoder) { f.Reason = d.string(maxReason) }
