package class

import (
	"context"
	"errors"

	"github.com/hapair-io/hapair/internal/state"
)

// Class is one kind of replicated state of one unit. The unit is active or standby in turn, so it has both ends.
type Class struct {
	ID     state.Class
	Source Source
	Sink   Sink
	Codec  Codec
	// Weight is the class's share of the stream when several classes have changes waiting: the number of frames it sends
	// in one turn. 0 counts as 1.
	Weight int
	// Close releases what the class holds. It is called once no engine uses the class; nil if the class holds nothing.
	Close func() error
}

// ErrOverrun says that changes were lost on the way from where they happen to the source. The watch goes on; what it
// missed is repaired by a snapshot.
var ErrOverrun = errors.New("changes were lost before they could be read")

// Source reads the class where it lives. It resynchronises: whatever was missed, a snapshot taken later has it.
type Source interface {
	// Watch begins to watch. Every change that happens after it returned is received, or ErrOverrun is.
	Watch() (Watch, error)
	// Snapshot calls emit with every entry there is, as upserts, in batches that emit may keep. Entries that change
	// meanwhile may be in it as they were before or after: whoever needs to know watches first.
	Snapshot(ctx context.Context, emit func([]state.Change) error) error
	// Digest calls visit for each entry with its key and its comparable fields: those that are equal on both units when
	// the standby's entry is up to date. The fields are nil if the standby may or may not have the entry. Key and fields
	// are valid only until visit returns. An error of visit ends Digest, which returns it.
	Digest(ctx context.Context, visit func(key string, fields []byte) error) error
}

// Watch is a source being watched.
type Watch interface {
	// Receive waits for changes and returns them in their order; the caller may keep them. It fails with ErrOverrun when
	// some were lost, and can be called again. For one caller at a time.
	Receive(ctx context.Context) (Batch, error)
	// Drain asks Receive to say when it has returned all that happened before the call of Drain, and returns the number
	// of the question: 1 for the first. It returns at once and may be called from anywhere.
	Drain() uint64
	// Close ends watching, once no Receive is under way.
	Close() error
}

// Batch is what one Receive returned.
type Batch struct {
	Changes []state.Change
	// Deferrable reports that the changes may wait a moment, to be sent with others: a failover before they are sent
	// does no harm.
	Deferrable bool
	// Drained answers Drain: these changes, and those received before, are all that had happened when the question of
	// this number was asked. It may repeat an earlier answer.
	Drained uint64
}

// Sink writes the class where it lives. Every operation is idempotent: an engine that is not sure repeats.
type Sink interface {
	// Apply writes changes in their order. An upsert makes the entry be as its record says; the deletion of an absent
	// entry is success. An entry that is refused does not stop the others. It fails as a whole only when the place itself
	// does not answer, and then a snapshot repairs. The changes and their records are lent until it returns; keys may
	// be kept.
	Apply(ctx context.Context, changes []state.Change) (Outcome, error)
	// Prune removes every entry that is not to be kept. What the class never replicates is left alone.
	Prune(ctx context.Context, keep func(key string) bool) error
	// Digest calls visit as Source.Digest does, for the entries of this unit that Prune may remove. It writes nothing.
	Digest(ctx context.Context, visit func(key string, fields []byte) error) error
	// Adopt turns entries that Apply did not write into what Apply would have written. Such entries are, for example,
	// those of the unit's own time as active. The engine calls it before the first Digest of a synchronization. Once the
	// context has ended, Adopt writes nothing more.
	Adopt(ctx context.Context) error
	// Refresh keeps entries that were written long ago from ageing out. The engine calls it once in RefreshInterval while
	// the unit is standby.
	Refresh(ctx context.Context) error
	// Commit makes what was written the unit's own: entries live and age from now on as if the unit had always been
	// active. It may take long, runs beside the traffic, and is given up by the context when the unit is standby again.
	Commit(ctx context.Context) error
}

// Codec knows the records of the class.
type Codec interface {
	// Merge makes one record of two of the same entry: what the newer says, and where it is silent, what the older says.
	// It is what lets a queue hold one record an entry although a source may tell only what changed. Both are lent until
	// it returns; what it returns may be part of them.
	Merge(older, newer []byte) ([]byte, error)
}
