package class

import (
	"context"
	"errors"

	"github.com/hapair-io/hapair/internal/state"
)

// Class is one kind of replicated state on one unit. A unit can be active or standby, so it has a source and a sink.
type Class struct {
	ID     state.Class
	Source Source
	Sink   Sink
	Codec  Codec
	// Weight is the class's share of the stream when several classes have changes waiting: the number of frames it sends
	// in one turn. 0 counts as 1.
	Weight int
	// Promote prepares the entries for the unit's time as active, before packets flow. It runs in each promotion after
	// what was received is applied, and may be repeated. It delays the promotion; nil for a class that has nothing to do.
	Promote func(context.Context) error
	// Lost has an item when this unit's sink no longer has what Apply wrote, so that it needs a snapshot; nil for a class
	// whose entries are never lost.
	Lost <-chan struct{}
	// Close releases what the class holds. It is called once no engine uses the class; nil if the class holds nothing.
	Close func() error
}

// ErrOverrun reports that changes were lost before the source read them. The watch continues, and a snapshot repairs
// what it missed.
var ErrOverrun = errors.New("changes were lost before they could be read")

// Source reads the state of a class on the active. A snapshot has everything that a watch missed before it.
type Source interface {
	// Watch starts a watch. For every change after its return, the watch returns the change or ErrOverrun.
	Watch() (Watch, error)
	// Snapshot calls emit with all entries, as upserts, in batches that emit may keep. An entry that changes meanwhile may
	// be in its old or new state. A caller that needs the new state starts a watch first.
	Snapshot(ctx context.Context, emit func([]state.Change) error) error
	// Digest calls visit for each entry with its key and its comparable fields: those that are equal on both units when
	// the standby's entry is up to date. The fields are nil if the standby may or may not have the entry. Key and fields
	// are valid only until visit returns. An error of visit ends Digest, which returns it.
	Digest(ctx context.Context, visit func(key string, fields []byte) error) error
}

// Watch receives the changes of a source.
type Watch interface {
	// Receive waits for changes and returns them in order; the caller may keep them. It returns ErrOverrun if some were
	// lost, and can then be called again. Only one caller at a time may use it.
	Receive(ctx context.Context) (Batch, error)
	// Drain asks Receive to report when it has returned everything that happened before this call. It returns the number
	// of the request, starting with 1, and does not wait. It may be called concurrently.
	Drain() uint64
	// Close ends the watch. No Receive may be running.
	Close() error
}

// Batch is the result of one Receive.
type Batch struct {
	Changes []state.Change
	// Deferrable reports that the changes may wait a moment, to be sent with others: a failover before they are sent
	// does no harm.
	Deferrable bool
	// Drained is the number of the last Drain that is complete: these changes and the earlier ones are everything that
	// had happened before that Drain. It may repeat an earlier number.
	Drained uint64
}

// Sink writes the state of a class on the standby. Every operation is idempotent, so that the engine can repeat it.
type Sink interface {
	// Apply writes changes in order. An upsert gives the entry the state of its record. Deleting an absent entry is a
	// success. A refused entry does not stop the others. Apply returns an error only if nothing can be written, and a
	// snapshot then repairs the table. The changes and their records are valid until Apply returns; keys may be kept.
	Apply(ctx context.Context, changes []state.Change) (Outcome, error)
	// Prune removes the entries for which keep returns false. It ignores entries that the class does not replicate.
	Prune(ctx context.Context, keep func(key string) bool) error
	// Digest calls visit as Source.Digest does, for the entries of this unit that Prune may remove. It writes nothing.
	Digest(ctx context.Context, visit func(key string, fields []byte) error) error
	// Adopt turns entries that Apply did not write into what Apply would have written. Such entries are, for example,
	// those of the unit's own time as active. It calls visit as Digest does, so that the table is read only once. The
	// engine calls it instead of Digest at the beginning of a synchronization. Once the context has ended, Adopt writes
	// nothing more.
	Adopt(ctx context.Context, visit func(key string, fields []byte) error) error
	// Refresh prevents entries from timing out that were written long ago. The engine calls it every RefreshInterval while
	// the unit is standby.
	Refresh(ctx context.Context) error
	// Commit gives the entries the lifetimes that they would have if the unit had always been active. It may take long
	// and runs while packets flow. The engine cancels the context when the unit becomes standby again.
	Commit(ctx context.Context) error
}

// Codec merges records of the class.
type Codec interface {
	// Merge returns one record for two of the same entry: the fields of the newer, and those of the older that the newer
	// does not have. With it, a queue holds one record for each entry, although a source may report only what changed.
	// The result may share memory with both.
	Merge(older, newer []byte) ([]byte, error)
}
