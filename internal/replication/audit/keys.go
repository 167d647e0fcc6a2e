package audit

import "hash/maphash"

// Keys is a set of keys that stores only a hash of each, which takes 8 to 24 bytes. Two keys with the same hash count
// as one. In tables of a million entries this happens to about one table in ten million. It is not safe for concurrent
// use.
type Keys struct {
	seed  maphash.Seed
	slots []uint64 // 0 is free
	used  int
}

// minSlots is a power of two, like every larger size.
const minSlots = 1 << 10

// NewKeys returns an empty set with a seed of its own.
func NewKeys() *Keys { return &Keys{seed: maphash.MakeSeed(), slots: make([]uint64, minSlots)} }

// Add adds a key.
func (k *Keys) Add(key string) {
	hash := k.hash(key)
	if slot := slotOf(k.slots, hash); *slot == 0 {
		*slot = hash
		if k.used++; k.used > len(k.slots)/4*3 {
			k.grow()
		}
	}
}

// Has reports whether a key was added.
func (k *Keys) Has(key string) bool { return *slotOf(k.slots, k.hash(key)) != 0 }

// hash returns the hash of a key, which is never 0.
func (k *Keys) hash(key string) uint64 { return max(1, maphash.String(k.seed, key)) }

// slotOf returns the slot of a hash, or the free one where it belongs. There is always a free slot.
func slotOf(slots []uint64, hash uint64) *uint64 {
	mask := uint64(len(slots) - 1)
	at := hash & mask
	for slots[at] != 0 && slots[at] != hash {
		at = (at + 1) & mask
	}
	return &slots[at]
}

// grow doubles the number of slots.
func (k *Keys) grow() {
	slots := make([]uint64, 2*len(k.slots))
	for _, hash := range k.slots {
		if hash != 0 {
			*slotOf(slots, hash) = hash
		}
	}
	k.slots = slots
}
