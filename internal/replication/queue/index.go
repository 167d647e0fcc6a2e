package queue

import "hash/maphash"

const (
	// minCells is the number of cells of the smallest index. An empty index keeps at most reservedCells, which suffice for
	// the slots that an empty queue keeps. Both are powers of two.
	minCells      = 1 << 8
	reservedCells = 2 * reservedChunks * chunkSlots
)

// index finds slots by the hashes of their keys; the caller compares the keys. It is a hash table with open addressing.
// At least half of it is empty, so that searches are short. The hash has a random seed: the senders of traffic choose
// the keys, and must not be able to choose keys that share a cell.
type index struct {
	seed  maphash.Seed
	cells []cell
	count int
}

// cell is one cell of an index.
type cell struct {
	hash uint32
	at   place // nowhere in an empty cell
}

// hash returns the hash of a key.
func (x *index) hash(key string) uint32 { return uint32(maphash.String(x.seed, key)) }

// find returns the place with this hash for which is reports true, or nowhere.
func (x *index) find(hash uint32, is func(place) bool) place {
	if x.count == 0 {
		return nowhere
	}
	for i := x.home(hash); ; i = x.after(i) {
		if c := x.cells[i]; c.at == nowhere || c.hash == hash && is(c.at) {
			return c.at
		}
	}
}

// insert adds a place that is not in the index.
func (x *index) insert(hash uint32, at place) {
	if 2*(x.count+1) > len(x.cells) {
		x.grow()
	}
	x.put(cell{hash: hash, at: at})
	x.count++
}

// put adds a cell. There must be an empty one.
func (x *index) put(c cell) {
	i := x.home(c.hash)
	for x.cells[i].at != nowhere {
		i = x.after(i)
	}
	x.cells[i] = c
}

// grow doubles the number of cells.
func (x *index) grow() {
	cells := x.cells
	x.cells = make([]cell, max(minCells, 2*len(cells)))
	for _, c := range cells {
		if c.at != nowhere {
			x.put(c)
		}
	}
}

// remove removes a place that is in the index, and closes the gap. Up to the next empty cell, each cell moves into the
// gap if a search from its home would no longer find it.
func (x *index) remove(hash uint32, at place) {
	gap := x.home(hash)
	for x.cells[gap].at != at {
		gap = x.after(gap)
	}
	for i := x.after(gap); x.cells[i].at != nowhere; i = x.after(i) {
		if x.distance(x.home(x.cells[i].hash), i) >= x.distance(gap, i) {
			x.cells[gap] = x.cells[i]
			gap = i
		}
	}
	x.cells[gap] = cell{}
	x.count--
}

// reset removes everything.
func (x *index) reset() {
	switch {
	case len(x.cells) > reservedCells:
		x.cells = nil
	case x.count > 0:
		clear(x.cells)
	}
	x.count = 0
}

// home returns the cell where the search for a hash begins.
func (x *index) home(hash uint32) int { return int(hash) & (len(x.cells) - 1) }

// after returns the next cell.
func (x *index) after(i int) int { return (i + 1) & (len(x.cells) - 1) }

// distance returns the number of cells from one to another.
func (x *index) distance(from, to int) int { return (to - from) & (len(x.cells) - 1) }
