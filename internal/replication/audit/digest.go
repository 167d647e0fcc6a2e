package audit

// Buckets is into how many a table is cut: of a million entries some sixty are in each, and the sums take 128 KiB.
const Buckets = 1 << 14

// Digest is what is compared of a table.
type Digest struct {
	hash    hasher
	sums    []uint64
	entries uint64
}

// New makes the digest of an empty table. Two digests are compared that have the same seed; a seed that nobody can
// guess keeps anyone from choosing entries whose hashes are equal.
func New(seed uint64) *Digest {
	return &Digest{hash: hasher{seed: seed}, sums: make([]uint64, Buckets)}
}

// Add adds an entry: its key and its comparable fields.
func (d *Digest) Add(key string, fields []byte) {
	hash := d.hash.key(key)
	// A sum and not an exclusive or: two entries alike do not cancel out.
	d.sums[bucketOf(hash)] += d.hash.fields(hash, fields)
	d.entries++
}

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
	s := NewScope(d.hash.seed)
	for bucket, sum := range d.sums {
		if sums[bucket] != sum {
			s.add(bucket)
		}
	}
	return s
}
