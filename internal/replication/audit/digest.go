package audit

// Digest is what two units compare of a table. It is not safe for concurrent use.
type Digest struct {
	hash    hasher
	sums    []uint64
	entries uint64
}

// New returns the digest of an empty table. Only digests with the same seed can be compared. A seed that nobody can
// guess prevents an attacker from choosing entries with equal hashes.
func New(seed uint64) *Digest {
	return &Digest{hash: hasher{seed: seed}, sums: make([]uint64, Buckets)}
}

// Add adds an entry: its key, and its comparable fields.
func (d *Digest) Add(key string, fields []byte) {
	hash := d.hash.key(key)
	// With an exclusive or instead of a sum, two equal entries would cancel out.
	d.sums[bucketOf(hash)] += d.hash.fields(hash, fields)
	d.entries++
}

// Entries returns the number of entries.
func (d *Digest) Entries() uint64 { return d.entries }

// Sums returns the sum of each bucket.
func (d *Digest) Sums() []uint64 { return d.sums }

// Differing returns the buckets whose sums differ from those of another digest with the same seed. No sums are those of
// an empty table.
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
