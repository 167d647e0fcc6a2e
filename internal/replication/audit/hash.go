package audit

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// Buckets is the number of buckets of a table. A bucket holds some sixty of a million entries, and the sums of all
// buckets take 128 KiB.
const Buckets = 1 << 14

// hasher hashes entries in the same way on both units. It is not safe for concurrent use.
type hasher struct {
	seed  uint64
	state xxhash.Digest
}

// key returns the hash of a key.
func (h *hasher) key(key string) uint64 {
	h.state.ResetWithSeed(h.seed)
	_, _ = h.state.WriteString(key)
	return h.state.Sum64()
}

// fields returns the hash of an entry's comparable fields; it is called after key. The hash of the key is part of it,
// so that equal fields of two entries have different hashes.
func (h *hasher) fields(key uint64, fields []byte) uint64 {
	var before [8]byte
	binary.BigEndian.PutUint64(before[:], key)
	_, _ = h.state.Write(before[:])
	_, _ = h.state.Write(fields)
	return h.state.Sum64()
}

// bucketOf returns the bucket of a key with this hash.
func bucketOf(key uint64) int { return int(key % Buckets) }
