package wire

import (
	"encoding/binary"

	"github.com/hapair-io/hapair/internal/state"
)

// DigestRequest requests the digests of the standby's table of a class, once everything before it is written. What
// comes after it may be part of them or not.
type DigestRequest struct {
	Term       uint64
	Position   uint64
	Class      state.Class
	Generation uint64
	// Seed is that of the digests, see package audit.
	Seed uint64
	// Background is set if changes are sent meanwhile. Then nothing waits for the answer, and traffic comes first.
	Background bool
}

// Kind implements Frame.
func (*DigestRequest) Kind() Kind { return KindDigestRequest }

// append implements Frame.
func (f *DigestRequest) append(b []byte) []byte {
	b = appendHead(b, f.Term, f.Position, f.Class, f.Generation)
	return appendBool(binary.BigEndian.AppendUint64(b, f.Seed), f.Background)
}

// decode implements Frame.
func (f *DigestRequest) decode(d *decoder) {
	d.head(&f.Term, &f.Position, &f.Class, &f.Generation)
	f.Seed, f.Background = d.uint64(), d.bool()
}

// Digests answers a DigestRequest.
type Digests struct {
	Class      state.Class
	Generation uint64
	// Known is false if the standby could not read its table. Then Entries and Sums mean nothing.
	Known bool
	// Entries is the number of entries. Sums are those of the buckets; none if there are no entries.
	Entries uint64
	Sums    []uint64
}

// Kind implements Frame.
func (*Digests) Kind() Kind { return KindDigests }

// append implements Frame.
func (f *Digests) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(append(b, byte(f.Class)), f.Generation)
	b = binary.BigEndian.AppendUint64(appendBool(b, f.Known), f.Entries)
	for _, sum := range f.Sums {
		b = binary.BigEndian.AppendUint64(b, sum)
	}
	return b
}

// decode reads sums until the end of the frame.
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
