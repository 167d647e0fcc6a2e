package receiver

import (
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/audit"
	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// table is one class on the standby. It is not safe for concurrent use.
type table struct {
	class   class.Class
	session Session
	full    func(class string) // see Config
	metrics *ClassMetrics
	log     logr.Logger

	// emptyAt is the generation of the last request for digests, if the table was empty then; otherwise 0.
	emptyAt uint64
	// scope is the part of the table that the snapshot under way covers.
	scope *audit.Scope
	// mentioned has the keys of the snapshot so far; nil if there is nothing to prune.
	mentioned *audit.Keys
	// isBroken is set when a change could not be written. Nothing more is written until the next snapshot.
	isBroken bool
	capacity capacity
	upserts  []state.Change // of one frame of a snapshot, for reuse
	refused  int            // entries since the last line of the log about them
	loggedAt time.Time      // of that line
}

// begin starts a snapshot. If the table had entries, its end prunes those that the snapshot does not mention.
func (t *table) begin(f *wire.Begin) error {
	scope, err := audit.ParseScope(f.Seed, f.Scope)
	if err != nil {
		return err
	}
	t.scope, t.mentioned, t.isBroken = scope, nil, false
	if scope.Len() > 0 && t.emptyAt != f.Generation {
		t.mentioned = audit.NewKeys()
	}
	t.capacity.reset()
	return nil
}

// add writes a part of the snapshot.
func (t *table) add(ctx context.Context, f *wire.Records) {
	t.upserts = t.upserts[:0]
	for _, e := range f.Entries {
		t.upserts = append(t.upserts, state.Change{Class: f.Class, Op: state.Upsert, Key: e.Key, Record: e.Record})
		if t.mentioned != nil {
			t.mentioned.Add(e.Key)
		}
	}
	t.apply(ctx, t.upserts)
}

// end ends the snapshot.
func (t *table) end(ctx context.Context) {
	if t.mentioned != nil && !t.isBroken {
		err := t.class.Sink.Prune(ctx, func(key string) bool { return !t.scope.Has(key) || t.mentioned.Has(key) })
		if err != nil {
			t.fail(err)
		}
	}
	t.scope, t.mentioned, t.upserts = nil, nil, nil
}

// apply writes changes.
func (t *table) apply(ctx context.Context, changes []state.Change) {
	if t.isBroken {
		return
	}
	outcome, err := t.class.Sink.Apply(ctx, changes)
	if err != nil {
		t.fail(err)
		return
	}
	t.metrics.count(len(changes), outcome)
	now := time.Now()
	if t.capacity.record(outcome, now) {
		t.full(t.class.ID.String())
	}
	if t.capacity.retry(now) {
		t.session.Send(&wire.Resync{Class: t.class.ID})
	}
	t.logRefusals(outcome, now)
}

// refusalLogInterval is the shortest time between two lines of the log about refused entries of a class. An active that
// sends many must not fill the log.
const refusalLogInterval = 10 * time.Second

// logRefusals logs the entries that were refused since the last line of the log.
func (t *table) logRefusals(outcome class.Outcome, now time.Time) {
	t.refused += outcome.Total()
	if outcome.Total() == 0 || now.Sub(t.loggedAt) < refusalLogInterval {
		return
	}
	t.log.Error(outcome.Err, "Failed to write some entries", "class", t.class.ID.String(), "refused", t.refused)
	t.refused, t.loggedAt = 0, now
}

// fail requests a snapshot after an error of the sink. The active delays snapshots that are requested often.
func (t *table) fail(err error) {
	t.isBroken = true
	if errors.Is(err, context.Canceled) {
		return
	}
	t.log.Error(err, "Failed to write class, requesting a snapshot", "class", t.class.ID.String())
	t.session.Send(&wire.Resync{Class: t.class.ID})
}
