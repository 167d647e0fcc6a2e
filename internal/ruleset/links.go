package ruleset

import (
	"encoding/binary"
	"fmt"
)

// LinkSlots is the number of slots that a map to links has. The share of a link in them is its share in connections.
const LinkSlots = 256

// hashSeed makes both units hash a source to the same slot. Without one, each kernel chooses its own.
const hashSeed = 1

// ChooseLink sets the mark of a new connection to the one that a dynamic map has for a slot. Connections take the slots
// in turn. With PerSource, all connections of a source have one slot. If the map lacks the slot, the mark stays.
type ChooseLink struct {
	Family    Family
	Map       string
	PerSource bool
}

// String returns the action in nft.
func (e ChooseLink) String() string {
	slot := fmt.Sprintf("numgen inc mod %d", LinkSlots)
	if e.PerSource {
		slot = fmt.Sprintf("jhash %s saddr mod %d seed %#x", e.Family, LinkSlots, hashSeed)
	}
	return fmt.Sprintf("%s ct mark set %s map @%s", IsFamily{e.Family}, slot, e.Map)
}

// steps looks the slot up and stores what the map has.
func (e ChooseLink) steps() []Step {
	slot := []Step{LoadSequence{Modulus: LinkSlots}}
	if e.PerSource {
		source := e.Family.sourceHeader()
		slot = []Step{source, Hash{Length: source.Length, Modulus: LinkSlots, Seed: hashSeed}}
	}
	return withFamily(e.Family, append(slot, MapTo{e.Map}, StoreConnection{connectionMark})...)
}

// ConnectionMark matches connections whose mark has a value in the bits of a mask.
type ConnectionMark struct{ Value, Mask uint32 }

// String returns the match in nft.
func (e ConnectionMark) String() string {
	return fmt.Sprintf("ct mark & %#08x == %#08x", e.Mask, e.Value)
}

// steps compares the bits of the mask.
func (e ConnectionMark) steps() []Step {
	return []Step{LoadConnection{connectionMark}, Mask{native(e.Mask)}, Equal{native(e.Value)}}
}

// SlotKey returns the key of a slot in a map to links, in the encoding of the kernel.
func SlotKey(slot int) []byte { return native(uint32(slot)) } //nolint:gosec // It is less than LinkSlots.

// SlotOf returns the slot of a key, and whether the key is one of a slot.
func SlotOf(key []byte) (slot int, ok bool) {
	if len(key) < 4 {
		return 0, false
	}
	n := binary.NativeEndian.Uint32(key)
	return int(n), n < LinkSlots
}

// MarkValue returns a mark as a value of a map, in the encoding of the kernel.
func MarkValue(mark uint32) []byte { return native(mark) }
