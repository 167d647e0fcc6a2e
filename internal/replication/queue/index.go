package queue

import "hash/maphash"

const (
	// firstCells is how many cells an index begins with, and keptCells how many an empty one keeps: those of as many
	// entries as an empty queue keeps slots for. Both are powers of two.
	firstCells = 1 << 8
	keptCells  = 2 * keptChunks * chunkSlots
)

// index finds slots by their keys. It is a table with open addressing that is half empty at least, so that a search
// ends soon; it knows hashes, and leaves it to the caller to compare keys. The hash is seeded: who sends the traffic
// that the keys are of must not be able to choose keys that meet in one cell.
type index struct {
	seed  maphash.Seed
	cells []cell
	count int
}

type cell struct {
	hash uint32
	at   place // nowhere in an empty cell
}

func (x *index) hash(key string) uint32 { return uint32(maphash.String(x.seed, key)) }

// find is the place of this hash that is the one that is looked for; nowhere if there is none.
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

func (x *index) put(c cell) {
	i := x.home(c.hash)
	for x.cells[i].at != nowhere {
		i = x.after(i)
	}
	x.cells[i] = c
}

func (x *index) grow() {
	cells := x.cells
	x.cells = make([]cell, max(firstCells, 2*len(cells)))
	for _, c := range cells {
		if c.at != nowhere {
			x.put(c)
		}
	}
}

// remove takes out a place that is in the index, and closes the gap: of the cells behind it, up to the next empty one,
// each moves up that a search from its home would not find any more.
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

// reset takes everything out.
func (x *index) reset() {
	switch {
	case len(x.cells) > keptCells:
		x.cells = nil
	case x.count > 0:
		clear(x.cells)
	}
	x.count = 0
}

func (x *index) home(hash uint32) int { return int(hash) & (len(x.cells) - 1) }

func (x *index) after(i int) int { return (i + 1) & (len(x.cells) - 1) }

// distance is how many cells are from one to another.
func (x *index) distance(from, to int) int { return (to - from) & (len(x.cells) - 1) }
