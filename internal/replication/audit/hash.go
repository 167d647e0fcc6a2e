package audit

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// hasher hashes keys in the one way by which both units find their buckets. It is for one caller at a time.
type hasher struct {
	seed  uint64
	state xxhash.Digest
}

func (h *hasher) key(key string) uint64 {
	h.state.ResetWithSeed(h.seed)
	_, _ = h.state.WriteString(key)
	return h.state.Sum64()
}

// fields hashes the comparable fields of an entry together with the hash of its key, so that equal fields of two
// entries have different hashes.
func (h *hasher) fields(key uint64, fields []byte) uint64 {
	var before [8]byte
	binary.BigEndian.PutUint64(before[:], key)
	_, _ = h.state.Write(before[:])
	_, _ = h.state.Write(fields)
	return h.state.Sum64()
}

// bucketOf is the bucket of a key, by its hash.
func bucketOf(key uint64) int { return int(key % Buckets) }
