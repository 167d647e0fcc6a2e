package sender

import (
	"iter"

	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// Bounds of one frame of state. It is small enough that a ping does not wait long behind it, and large enough that the
// standby's kernel is called with full batches.
const (
	maxRecords = 512
	maxBytes   = 256 << 10
)

// chunks cuts changes into what one frame holds.
func chunks(changes []state.Change) iter.Seq[[]state.Change] {
	return func(yield func([]state.Change) bool) {
		for start := 0; start < len(changes); {
			end, bytes := start, 0
			for end < len(changes) && end-start < maxRecords && bytes <= maxBytes {
				bytes += len(changes[end].Key) + len(changes[end].Record)
				end++
			}
			if !yield(changes[start:end]) {
				return
			}
			start = end
		}
	}
}

// appendEntries appends the entries of changes.
func appendEntries(entries []wire.Entry, changes []state.Change) []wire.Entry {
	for _, c := range changes {
		entries = append(entries, wire.Entry{Key: c.Key, Record: c.Record})
	}
	return entries
}
