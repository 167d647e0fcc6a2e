package audit

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// Buckets is into how many a table is cut: of a million entries some sixty are in each, and the sums take 128 KiB.
const Buckets = 1 << 14

// Digest is what is compared of a table.
type Digest struct {
	seed    uint64
	sums    []uint64
	entries uint64
	hash    xxhash.Digest
}

// New makes the digest of an empty table. Two digests are compared that have the same seed; a seed that nobody can
// guess keeps anyone from choosing entries whose hashes are equal.
func New(seed uint64) *Digest { return &Digest{seed: seed, sums: make([]uint64, Buckets)} }

// Add adds an entry: its key, and what of the rest is to be equal.
func (d *Digest) Add(key string, essence []byte) {
	bucket, hash := d.place(key)
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], hash) // of the key, so that the essence of one entry is not that of another
	_, _ = d.hash.Write(length[:])
	_, _ = d.hash.Write(essence)
	d.sums[bucket] += d.hash.Sum64() // a sum and not an exclusive or: two entries alike do not cancel out
	d.entries++
}

// place is the bucket of a key, and a hash of it.
func (d *Digest) place(key string) (bucket int, hash uint64) {
	d.hash.ResetWithSeed(d.seed)
	_, _ = d.hash.WriteString(key)
	hash = d.hash.Sum64()
	return int(hash % Buckets), hash
}

// Seed is what the digest was made with.
func (d *Digest) Seed() uint64 { return d.seed }

// Entries is how many were added.
func (d *Digest) Entries() uint64 { return d.entries }

// Sums are those of the buckets.
func (d *Digest) Sums() []uint64 { return d.sums }

// Differing are the buckets whose sums are not those of another digest with the same seed; none are those of an empty
// table.
func (d *Digest) Differing(sums []uint64) *Scope {
	if len(sums) == 0 {
		sums = make([]uint64, Buckets)
	}
	s := NewScope(d.seed)
	for bucket, sum := range d.sums {
		if sums[bucket] != sum {
			s.add(bucket)
		}
	}
	return s
}
