package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// maxWork is how many frames wait to be applied. Beyond it the connection fills up and the active's queue merges.
const maxWork = 16

// applier writes what comes from the active, on one goroutine, in the order in which it came.
type applier struct {
	conversation *conversation
	frame        []byte // the acknowledgement that was sent last
	classes      map[state.Class]*incoming
	upserts      []state.Change // of the snapshot's frame that is written
}

// incoming is one class on the standby.
type incoming struct {
	class class.Class
	// mentioned are the entries of the snapshot under way, by hash: of two entries of one hash, which is one in millions
	// of tables of a million entries, both are kept, and the next snapshot has another seed.
	mentioned map[uint64]struct{}
	seed      maphash.Seed
	// broken says that a change could not be written: nothing more is, until the next snapshot.
	broken bool
	room   room
	// metrics are those of the class.
	metrics *classMetrics
}

// apply runs until the context ends, and finishes then what has been received: it may be the last that the active said.
func (c *conversation) apply(ctx context.Context) {
	a := &applier{conversation: c, classes: map[state.Class]*incoming{}}
	finish := context.WithoutCancel(ctx)
	for {
		select {
		case w := <-c.work:
			a.do(finish, w)
		case settled := <-c.settles:
			a.finish(finish)
			close(settled)
		case <-ctx.Done():
			a.finish(finish)
			return
		}
	}
}

// finish applies what waits.
func (a *applier) finish(ctx context.Context) {
	for {
		select {
		case w := <-a.conversation.work:
			a.do(ctx, w)
		default:
			return
		}
	}
}

// do applies a frame, and gives back its memory: a sink keeps nothing of it.
func (a *applier) do(ctx context.Context, w work) {
	a.apply(ctx, w.frame)
	memories.Put(w.memory)
}

func (a *applier) apply(ctx context.Context, f wire.Frame) {
	if !a.stillStandby() {
		return // what the peer said to a standby is not for an active
	}
	switch f := f.(type) {
	case *wire.Begin:
		in := a.incoming(f.Class)
		in.mentioned, in.seed, in.broken = map[uint64]struct{}{}, maphash.MakeSeed(), false
		in.room.begin()
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
		a.applied(f.Position)
	case *wire.Barrier:
		a.answer(&wire.BarrierAck{ID: f.ID})
	case *wire.Grant:
		a.conversation.engine.events.put(GrantReceived{Term: f.Term, Sequence: f.Sequence})
		a.answer(&wire.GrantAck{Term: f.Term})
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

func (a *applier) records(ctx context.Context, f *wire.Records) {
	in := a.incoming(f.Class)
	a.upserts = a.upserts[:0]
	for _, e := range f.Entries {
		a.upserts = append(a.upserts, state.Change{Class: f.Class, Op: state.Upsert, Key: e.Key, Record: e.Record})
		in.mentioned[maphash.String(in.seed, e.Key)] = struct{}{}
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
	if !in.broken {
		err := in.class.Sink.Prune(ctx, func(key string) bool {
			_, ok := in.mentioned[maphash.String(in.seed, key)]
			return ok
		})
		if err != nil {
			a.broke(in, err)
		}
	}
	in.mentioned, a.upserts = nil, nil
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

// applied acknowledges, unless more waits that will be: the newest position stands for all before it. It does so by
// itself, since to wake the writer for it costs more than to send it; only what the writer has still to say before,
// such as a plea for a snapshot, the writer says first.
func (a *applier) applied(position uint64) {
	c := a.conversation
	if !c.noteApplied(position, len(c.work) > 0) {
		return
	}
	a.frame = wire.Append(a.frame[:0], &wire.Ack{Position: position})
	if _, err := c.connection.Write(a.frame); err != nil {
		c.end(fmt.Errorf("speaking to the peer: %w", err))
	}
}

// noteApplied tells whether the position is to be acknowledged at once.
func (c *conversation) noteApplied(position uint64, more bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applied = position
	c.tellPosition()
	// The writer is awake where it has something to say, and what waits is acknowledged here or wakes it with an answer.
	c.ackDue = more || len(c.control) > 0
	return !c.ackDue
}
