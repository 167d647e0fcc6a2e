package sender

import (
	"github.com/hapair-io/hapair/internal/replication/audit"
	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// snapshot is the snapshot of a class, on its way to the standby.
type snapshot struct {
	class      state.Class
	generation uint64
	scope      *audit.Scope        // the part of the table; nil for all of it
	batches    chan []state.Change // read and not sent
	isBegun    bool                // Begin was sent
	isRead     bool                // batches has all that is left
	count      uint64              // entries sent
	records    wire.Records        // the last frame, for reuse
}

// newSnapshot returns a snapshot of which nothing has been sent.
func newSnapshot(class state.Class, generation uint64, scope *audit.Scope) *snapshot {
	return &snapshot{class: class, generation: generation, scope: scope, batches: make(chan []state.Change, 1)}
}

// next returns the next frame and the number of records in it; nil if nothing is to be sent now. The frame is valid
// until the next call. After the last frame, ended is true.
func (s *snapshot) next(position, term uint64) (f wire.Frame, records int, ended bool) {
	if !s.isBegun {
		s.isBegun = true
		return &wire.Begin{
			Class: s.class, Term: term, Position: position, Generation: s.generation,
			Scope: s.scope.Bitmap(), Seed: s.scope.Seed(),
		}, 0, false
	}
	select {
	case batch := <-s.batches:
		s.count += uint64(len(batch))
		s.records = wire.Records{
			Class: s.class, Term: term, Position: position, Generation: s.generation,
			Entries: appendEntries(s.records.Entries[:0], batch),
		}
		return &s.records, len(batch), false
	default:
	}
	if !s.isRead {
		return nil, 0, false
	}
	return &wire.SnapshotEnd{
		Class: s.class, Term: term, Position: position, Generation: s.generation, Count: s.count,
	}, 0, true
}
