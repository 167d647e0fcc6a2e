package seal

// The window is a ring of words, a bit for each counter. One word of it is always being cleared for what comes next, so
// that sliding forward costs no shift (RFC 6479).
const (
	wordBits = 64
	words    = 32
	// windowSize is by how much a datagram may be later than the newest one and still be taken: more than any queue on
	// the way holds.
	windowSize = (words - 1) * wordBits
)

// window knows which counters were seen.
type window struct {
	highest uint64
	seen    [words]uint64
}

// fresh tells whether the counter was certainly not seen.
func (w *window) fresh(counter uint64) bool {
	switch {
	case counter == 0: // the first is 1
		return false
	case counter > w.highest:
		return true
	case w.highest-counter >= windowSize:
		return false
	default:
		return w.seen[counter/wordBits%words]&(1<<(counter%wordBits)) == 0
	}
}

// note says that a fresh counter was seen. It must be that of a datagram whose seal holds, or anyone could slide the
// window away from the peer.
func (w *window) note(counter uint64) {
	if counter > w.highest {
		was, is := w.highest/wordBits, counter/wordBits
		for word := was + 1; word <= min(is, was+words); word++ {
			w.seen[word%words] = 0
		}
		w.highest = counter
	}
	w.seen[counter/wordBits%words] |= 1 << (counter % wordBits)
}
