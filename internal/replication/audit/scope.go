package audit

import (
	"errors"
	"fmt"
	"math/bits"
)

// Scope is some of the buckets of a table. Of a nil one they are all.
type Scope struct {
	hash   hasher
	bitmap []byte
}

// errScope is of bytes that are no scope.
var errScope = errors.New("not a part of a table")

// NewScope makes a scope of no bucket.
func NewScope(seed uint64) *Scope {
	return &Scope{hash: hasher{seed: seed}, bitmap: make([]byte, Buckets/8)}
}

// ParseScope makes a scope of what Bitmap returned; of no bytes, all of a table.
func ParseScope(seed uint64, bitmap []byte) (*Scope, error) {
	switch len(bitmap) {
	case 0:
		return nil, nil
	case Buckets / 8:
		s := NewScope(seed)
		copy(s.bitmap, bitmap)
		return s, nil
	default:
		return nil, fmt.Errorf("%w: %d bytes, expected are %d", errScope, len(bitmap), Buckets/8)
	}
}

// Has tells whether a key is in the scope. It is for one caller at a time.
func (s *Scope) Has(key string) bool {
	if s == nil {
		return true
	}
	bucket := s.bucket(key)
	return s.bitmap[bucket/8]&(1<<(bucket%8)) != 0
}

// Add adds the bucket of a key.
func (s *Scope) Add(key string) { s.add(s.bucket(key)) }

func (s *Scope) bucket(key string) int { return bucketOf(s.hash.key(key)) }

func (s *Scope) add(bucket int) { s.bitmap[bucket/8] |= 1 << (bucket % 8) }

// Without is the scope less another one with the same seed.
func (s *Scope) Without(other *Scope) *Scope {
	rest := NewScope(s.hash.seed)
	for i := range rest.bitmap {
		rest.bitmap[i] = s.bitmap[i] &^ other.bitmap[i]
	}
	return rest
}

// Len is how many buckets are in the scope.
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

// Seed is that of the digests which the scope is of.
func (s *Scope) Seed() uint64 {
	if s == nil {
		return 0
	}
	return s.hash.seed
}

// Bitmap has a bit for each bucket; nothing for all of a table.
func (s *Scope) Bitmap() []byte {
	if s == nil {
		return nil
	}
	return s.bitmap
}
