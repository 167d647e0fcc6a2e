package queue

import (
	"testing"

	"pgregory.net/rapid"
)

// TestIndexFindsWhatWasInserted compares an index with a map. There are few hashes, so that most share a cell.
func TestIndexFindsWhatWasInserted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hash := rapid.SampledFrom([]uint32{0, 1, 2, 3, minCells - 1, minCells, 1<<32 - 1, 1<<32 - 2})
		index, hashes, last := &index{}, map[place]uint32{}, nowhere
		insert := func(t *rapid.T) {
			last++
			hashes[last] = hash.Draw(t, "hash")
			index.insert(hashes[last], last)
		}
		t.Repeat(map[string]func(*rapid.T){
			"insert": insert,
			"insert many": func(t *rapid.T) {
				for range rapid.IntRange(1, minCells).Draw(t, "places") {
					insert(t)
				}
			},
			"remove": func(t *rapid.T) {
				if last == nowhere {
					return
				}
				p := place(rapid.Uint32Range(1, uint32(last)).Draw(t, "place"))
				if hash, ok := hashes[p]; ok {
					index.remove(hash, p)
					delete(hashes, p)
				}
			},
			"reset": func(*rapid.T) {
				index.reset()
				clear(hashes)
			},
			"": func(t *rapid.T) {
				if index.count != len(hashes) {
					t.Fatalf("it holds %d places, want %d", index.count, len(hashes))
				}
				for p := place(1); p <= last; p++ {
					want, ok := hashes[p]
					if !ok {
						continue
					}
					if got := index.find(want, func(q place) bool { return q == p }); got != p {
						t.Fatalf("place %d of hash %d is not found", p, want)
					}
				}
				if got := index.find(2, func(place) bool { return false }); got != nowhere {
					t.Fatalf("found place %d, which has another hash", got)
				}
			},
		})
	})
}
