package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hapair-io/hapair/internal/state"
)

// Bounds of the parts of a frame. A sender stays well below them.
const (
	// maxEntries is the largest number of entries or changes in one frame.
	maxEntries = 4096
	maxText    = 253 // the longest name in Kubernetes
	maxReason  = 1024
	maxKey     = 1024
	maxRecord  = 64 << 10
	maxClasses = 64
	maxScope   = 8 << 10 // a bit for each of maxSums buckets
	maxSums    = 1 << 16
	// maxAddresses is far more than a unit has, maxAddress the length of the longest.
	maxAddresses = 1024
	maxAddress   = 16
)

// ErrFrame is the error of bytes that are no frame.
var ErrFrame = errors.New("not a frame of the replication protocol")

// decoder decodes the fields of a frame, one after the other. After the first error it returns zero values, so that the
// error is checked once at the end.
type decoder struct {
	frame []byte
	next  int // index of the next byte; a pointer that moves would cost the garbage collector time
	err   error
	// text is a copy of a frame with many keys. The keys are parts of it, so that they take one allocation together.
	text string
}

// left returns the number of bytes that are not decoded yet.
func (d *decoder) left() int { return len(d.frame) - d.next }

// skip skips all bytes that are left.
func (d *decoder) skip() { d.next = len(d.frame) }

// fail records the first error.
func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrFrame, fmt.Sprintf(format, args...))
	}
	d.skip()
}

// take returns the next n bytes.
func (d *decoder) take(n int) []byte {
	if d.err != nil || n > d.left() {
		d.fail("%d bytes expected, %d left", n, d.left())
		return nil
	}
	d.next += n
	return d.frame[d.next-n : d.next : d.next]
}

// uint8 decodes one byte.
func (d *decoder) uint8() uint8 {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

// bool decodes a boolean, which is 0 or 1.
func (d *decoder) bool() bool {
	value := d.uint8()
	if value > 1 {
		d.fail("%d is not a boolean", value)
	}
	return value == 1
}

// appendBool appends a boolean.
func appendBool(b []byte, value bool) []byte {
	if value {
		return append(b, 1)
	}
	return append(b, 0)
}

// uint16 decodes a number.
func (d *decoder) uint16() uint16 {
	if b := d.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

// uint32 decodes a number.
func (d *decoder) uint32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// uint64 decodes a number.
func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// count decodes the number of items that follow. Each takes at least size bytes, so that a wrong number is found before
// memory is allocated for it.
func (d *decoder) count(limit, size int) int {
	n := int(d.uint16())
	if n > limit || n*size > d.left() {
		d.fail("%d items of at least %d bytes in %d bytes, allowed are %d items", n, size, d.left(), limit)
		return 0
	}
	return n
}

// bytes decodes bytes with their length before them. The length is a varint, since most are short.
func (d *decoder) bytes(limit int) []byte {
	n, size := binary.Uvarint(d.frame[d.next:])
	if d.err != nil || size <= 0 || n > uint64(limit) {
		d.fail("a length of %d, allowed is %d", n, limit)
		return nil
	}
	d.next += size
	return d.take(int(n))
}

// string decodes text.
func (d *decoder) string(limit int) string { return string(d.bytes(limit)) }

// prepareKeys prepares for calls of key.
func (d *decoder) prepareKeys() { d.text = string(d.frame) }

// key decodes a key.
func (d *decoder) key() string {
	n := len(d.bytes(maxKey))
	return d.text[d.next-n : d.next]
}

// appendBytes appends bytes with their length before them.
func appendBytes[T []byte | string](b []byte, value T) []byte {
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

// appendHead appends the fields that all frames of state begin with.
func appendHead(b []byte, term, position uint64, class state.Class, generation uint64) []byte {
	b = binary.BigEndian.AppendUint64(b, term)
	b = binary.BigEndian.AppendUint64(b, position)
	b = append(b, byte(class))
	return binary.BigEndian.AppendUint64(b, generation)
}

// head decodes the fields that all frames of state begin with.
func (d *decoder) head(term, position *uint64, class *state.Class, generation *uint64) {
	*term, *position = d.uint64(), d.uint64()
	*class, *generation = state.Class(d.uint8()), d.uint64()
}

// reuse returns an empty slice for n items. It uses the memory of an earlier slice if that is large enough.
func reuse[T any](earlier []T, n int) []T {
	if earlier == nil || cap(earlier) < n {
		return make([]T, 0, n)
	}
	clear(earlier[min(n, len(earlier)):]) // what is not overwritten would hold the keys of the earlier frame
	return earlier[:0]
}
