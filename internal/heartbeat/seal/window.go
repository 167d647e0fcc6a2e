package seal

// The window is a ring of words with a bit for each counter. One word is always cleared for the next counters, so that
// sliding forward needs no shift (RFC 6479).
const (
	wordBits = 64
	words    = 32
	// windowSize is how many datagrams later than the newest one a datagram may be and still be accepted. It is more than
	// any queue on the way holds.
	windowSize = (words - 1) * wordBits
)

// window remembers which counters were seen.
type window struct {
	highest uint64
	seen    [words]uint64
}

// isFresh reports whether the counter was certainly not seen.
func (w *window) isFresh(counter uint64) bool {
	switch {
	case counter == 0: // The first is 1.
		return false
	case counter > w.highest:
		return true
	case w.highest-counter >= windowSize:
		return false
	default:
		return w.seen[counter/wordBits%words]&(1<<(counter%wordBits)) == 0
	}
}

// add marks a fresh counter as seen. Its datagram must have a valid seal, or anyone could slide the window away from
// the peer's counters.
func (w *window) add(counter uint64) {
	if counter > w.highest {
		was, is := w.highest/wordBits, counter/wordBits
		for word := was + 1; word <= min(is, was+words); word++ {
			w.seen[word%words] = 0
		}
		w.highest = counter
	}
	w.seen[counter/wordBits%words] |= 1 << (counter % wordBits)
}
