package audit

import "hash/maphash"

// Keys is a set of keys that remembers a hash of each: 8 to 24 bytes of memory for one. Of two keys of one hash, which
// is one pair in some ten millions of tables of a million entries, it has both if it has one.
type Keys struct {
	seed  maphash.Seed
	slots []uint64 // 0 is free
	used  int
}

// NewKeys makes an empty set, with hashes of its own.
func NewKeys() *Keys { return &Keys{seed: maphash.MakeSeed(), slots: make([]uint64, leastSlots)} }

// leastSlots is a power of two, as every later size.
const leastSlots = 1 << 10

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

// Has tells whether a key was added.
func (k *Keys) Has(key string) bool { return *slotOf(k.slots, k.hash(key)) != 0 }

// hash is never 0.
func (k *Keys) hash(key string) uint64 { return max(1, maphash.String(k.seed, key)) }

// slotOf is where a hash is, or would be. There is always a free one.
func slotOf(slots []uint64, hash uint64) *uint64 {
	mask := uint64(len(slots) - 1)
	at := hash & mask
	for slots[at] != 0 && slots[at] != hash {
		at = (at + 1) & mask
	}
	return &slots[at]
}

func (k *Keys) grow() {
	slots := make([]uint64, 2*len(k.slots))
	for _, hash := range k.slots {
		if hash != 0 {
			*slotOf(slots, hash) = hash
		}
	}
	k.slots = slots
}
