package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/audit"
	"github.com/hapair-io/hapair/internal/replication/protocol"
	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// maxWork is how many frames wait to be applied. Beyond it the connection fills up and the active's queue merges.
const maxWork = 16

// applier writes what comes from the active, in the order in which it came. What takes long has a goroutine, so that
// the peer is heard meanwhile; what is short the reader does itself when nothing else waits, since to wake another
// goroutine for a change that comes alone costs more than to write it.
type applier struct {
	conversation *conversation
	work         chan work    // from the reader, in order
	waiting      atomic.Int64 // what was put into work and is not done; only the reader adds to it

	surveys surveys

	mu      sync.Mutex // whoever writes
	receipt receipt
	classes map[state.Class]*incoming
	upserts []state.Change // of the snapshot's frame that is written
}

func newApplier(c *conversation) *applier {
	return &applier{
		conversation: c, work: make(chan work, maxWork), receipt: newReceipt(), classes: map[state.Class]*incoming{},
	}
}

// incoming is one class on the standby.
type incoming struct {
	class class.Class
	// emptyAt is the generation of the last survey, if it found no entry.
	emptyAt uint64
	// scope is what the snapshot under way is of.
	scope *audit.Scope
	// mentioned is what it has had so far; nil when there is nothing to prune.
	mentioned *audit.Keys
	// broken says that a change could not be written: nothing more is, until the next snapshot.
	broken bool
	room   room
	// metrics are those of the class.
	metrics *classMetrics
}

// run writes until the context ends, and finishes then what has been received: it may be the last that the active said.
func (a *applier) run(ctx context.Context) {
	finish := context.WithoutCancel(ctx)
	defer a.surveys.wait()
	defer a.surveys.stop()
	for {
		select {
		case w := <-a.work:
			a.do(finish, w)
		case settled := <-a.conversation.settles:
			a.surveys.stop() // one makes a standby's entries, and this may be the end of being one
			a.finish(finish)
			close(settled)
		case <-a.receipt.due.C:
			a.mu.Lock()
			a.acknowledgeOwed()
			a.mu.Unlock()
		case <-ctx.Done():
			a.finish(finish)
			return
		}
	}
}

// take does what a frame asks for, or leaves it to run, which then keeps the memory. The reader calls it.
func (a *applier) take(ctx context.Context, w work) (kept bool, err error) {
	if short(w.frame) && a.waiting.Load() == 0 {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.apply(context.WithoutCancel(ctx), w.frame)
		return false, nil
	}
	a.waiting.Add(1)
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case a.work <- w:
		return true, nil
	}
}

// short says whether it takes no longer than a moment to do what a frame asks for.
func short(f wire.Frame) bool {
	switch f.(type) {
	case *wire.Delta, *wire.Barrier, *wire.Relinquish:
		return true
	default:
		return false
	}
}

// finish applies what waits.
func (a *applier) finish(ctx context.Context) {
	for {
		select {
		case w := <-a.work:
			a.do(ctx, w)
		default:
			a.mu.Lock() // what the reader is doing is done
			a.mu.Unlock()
			return
		}
	}
}

// do applies a frame, and gives back its memory: a sink keeps nothing of it.
func (a *applier) do(ctx context.Context, w work) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.apply(ctx, w.frame)
	memories.Put(w.memory)
	a.waiting.Add(-1)
}

func (a *applier) apply(ctx context.Context, f wire.Frame) {
	if !a.stillStandby() {
		return // what the peer said to a standby is not for an active
	}
	switch f := f.(type) {
	case *wire.DigestRequest:
		a.survey(f)
		a.applied(f.Position)
	case *wire.Begin:
		a.begin(a.incoming(f.Class), f)
		a.applied(f.Position)
	case *wire.Records:
		a.records(ctx, f)
		a.applied(f.Position)
	case *wire.SnapshotEnd:
		a.prune(ctx, f)
		a.endOfSnapshot()
		a.applied(f.Position)
	case *wire.Delta:
		a.write(ctx, a.incoming(f.Class), f.Changes)
		a.appliedDelta(f.Position)
	case *wire.Barrier:
		a.acknowledgeOwed() // whoever waits for the answer may look at the position then
		a.answer(&wire.BarrierAck{ID: f.ID})
	case *wire.Relinquish:
		a.conversation.engine.events.put(PeerRelinquished{Term: f.Term, Sequence: f.Sequence})
		a.answer(&wire.RelinquishAck{Term: f.Term})
	}
}

func (a *applier) stillStandby() bool {
	c := a.conversation
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.Local().Role == wire.RoleStandby
}

func (a *applier) incoming(id state.Class) *incoming {
	in := a.classes[id]
	if in == nil {
		class, _ := a.conversation.engine.class(id) // the session refuses classes that are not replicated
		in = &incoming{class: class, metrics: a.conversation.engine.metrics[id]}
		a.classes[id] = in
	}
	return in
}

// begin begins a snapshot. What it does not mention is pruned at its end, if there was anything before it.
func (a *applier) begin(in *incoming, f *wire.Begin) {
	scope, err := audit.ParseScope(f.Seed, f.Scope)
	if err != nil {
		a.conversation.end(fmt.Errorf("%w: a snapshot of %w", protocol.ErrProtocol, err))
		return
	}
	in.scope, in.mentioned, in.broken = scope, nil, false
	if scope.Len() > 0 && in.emptyAt != f.Generation {
		in.mentioned = audit.NewKeys()
	}
	in.room.begin()
}

func (a *applier) records(ctx context.Context, f *wire.Records) {
	in := a.incoming(f.Class)
	a.upserts = a.upserts[:0]
	for _, e := range f.Entries {
		a.upserts = append(a.upserts, state.Change{Class: f.Class, Op: state.Upsert, Key: e.Key, Record: e.Record})
		if in.mentioned != nil {
			in.mentioned.Add(e.Key)
		}
	}
	a.write(ctx, in, a.upserts)
}

func (a *applier) write(ctx context.Context, in *incoming, changes []state.Change) {
	if in.broken {
		return
	}
	outcome, err := in.class.Sink.Apply(ctx, changes)
	if err != nil {
		a.broke(in, err)
		return
	}
	in.metrics.written(len(changes), outcome)
	a.checkRoom(in, outcome)
	if outcome.Total() > 0 {
		a.conversation.log.Error(outcome.Err, "Writing some entries failed",
			"class", in.class.ID.String(), "refused", outcome.Total())
	}
}

func (a *applier) prune(ctx context.Context, f *wire.SnapshotEnd) {
	in := a.incoming(f.Class)
	if in.mentioned != nil && !in.broken {
		err := in.class.Sink.Prune(ctx, func(key string) bool { return !in.scope.Has(key) || in.mentioned.Has(key) })
		if err != nil {
			a.broke(in, err)
		}
	}
	in.scope, in.mentioned, a.upserts = nil, nil, nil
}

// broke asks for a snapshot. The active takes its time for it when it is asked often.
func (a *applier) broke(in *incoming, why error) {
	in.broken = true
	if errors.Is(why, context.Canceled) {
		return
	}
	a.conversation.log.Error(why, "Writing class failed, asking for a snapshot", "class", in.class.ID.String())
	a.answer(&wire.Resync{Class: in.class.ID})
}

func (a *applier) answer(f wire.Frame) {
	c := a.conversation
	c.mu.Lock()
	defer c.mu.Unlock()
	c.send(f)
}
