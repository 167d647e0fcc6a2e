package audit

import (
	"errors"
	"fmt"
	"math/bits"
)

// Scope is a set of buckets of a table. A nil Scope has all of them. It is not safe for concurrent use.
type Scope struct {
	hash   hasher
	bitmap []byte
}

// errScope is the error of bytes that are no scope.
var errScope = errors.New("not a scope of a table")

// NewScope returns a scope without buckets.
func NewScope(seed uint64) *Scope {
	return &Scope{hash: hasher{seed: seed}, bitmap: make([]byte, Buckets/8)}
}

// ParseScope returns the scope with a bitmap that Bitmap returned. An empty bitmap is that of the whole table.
func ParseScope(seed uint64, bitmap []byte) (*Scope, error) {
	switch len(bitmap) {
	case 0:
		return nil, nil
	case Buckets / 8:
		s := NewScope(seed)
		copy(s.bitmap, bitmap)
		return s, nil
	default:
		return nil, fmt.Errorf("%w: %d bytes, expected %d", errScope, len(bitmap), Buckets/8)
	}
}

// Has reports whether the bucket of a key is in the scope.
func (s *Scope) Has(key string) bool {
	if s == nil {
		return true
	}
	bucket := s.bucket(key)
	return s.bitmap[bucket/8]&(1<<(bucket%8)) != 0
}

// Add adds the bucket of a key.
func (s *Scope) Add(key string) { s.add(s.bucket(key)) }

// bucket returns the bucket of a key.
func (s *Scope) bucket(key string) int { return bucketOf(s.hash.key(key)) }

// add adds a bucket.
func (s *Scope) add(bucket int) { s.bitmap[bucket/8] |= 1 << (bucket % 8) }

// Without returns the buckets that are not in another scope with the same seed.
func (s *Scope) Without(other *Scope) *Scope {
	rest := NewScope(s.hash.seed)
	for i := range rest.bitmap {
		rest.bitmap[i] = s.bitmap[i] &^ other.bitmap[i]
	}
	return rest
}

// Len returns the number of buckets.
func (s *Scope) Len() int {
	if s == nil {
		return Buckets
	}
	n := 0
	for _, b := range s.bitmap {
		n += bits.OnesCount8(b)
	}
	return n
}

// Seed returns the seed of the digests that the scope comes from; 0 for the whole table.
func (s *Scope) Seed() uint64 {
	if s == nil {
		return 0
	}
	return s.hash.seed
}

// Bitmap returns one bit for each bucket; nil for the whole table.
func (s *Scope) Bitmap() []byte {
	if s == nil {
		return nil
	}
	return s.bitmap
}
