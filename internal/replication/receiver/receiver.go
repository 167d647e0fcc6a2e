package receiver

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/peer"
	"github.com/hapair-io/hapair/internal/replication/protocol"
	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// maxWaiting is how many frames wait to be applied. Beyond it the connection fills up, and the active's queue merges
// changes.
const maxWaiting = 16

// Config has what a receiver needs.
type Config struct {
	Session Session
	Classes []class.Class
	Metrics map[state.Class]*ClassMetrics
	Log     logr.Logger
	// IsStandby reports whether this unit is standby. Otherwise frames are dropped: they were sent to a standby.
	IsStandby func() bool
	// Full reports the name of a class that has no room on this unit; "" once all classes have room again.
	Full func(class string)
	// Relinquished reports that the peer gave up its role before a term, with the sequence of its frame.
	Relinquished func(term, sequence uint64)
}

// Receiver writes the frames of one session, in order. Work that takes long runs in the goroutine of Run, so that the
// peer is heard meanwhile. Short work runs in the reader's goroutine when nothing else waits: to wake another goroutine
// for a single change costs more than to write it.
type Receiver struct {
	config   Config
	work     chan peer.Received // from the reader, in order
	waiting  atomic.Int64       // frames that were put into work and are not done; only the reader adds
	settles  chan chan struct{}
	finished chan struct{} // closed when Run has returned
	digests  background

	mu           sync.Mutex // held while a frame is applied
	acknowledger *acknowledger
	tables       map[state.Class]*table
}

// New returns a receiver that applies nothing until Run.
func New(config Config) *Receiver {
	return &Receiver{
		config: config, work: make(chan peer.Received, maxWaiting), settles: make(chan chan struct{}),
		finished: make(chan struct{}), acknowledger: newAcknowledger(config.Session), tables: map[state.Class]*table{},
	}
}

// Run applies frames until ctx ends. Before it returns it applies what has arrived: it may be the last from the active.
func (r *Receiver) Run(ctx context.Context) {
	defer close(r.finished)
	defer r.digests.wait()
	defer r.digests.stop()
	defer r.requestWhenLost(ctx)()
	finish := context.WithoutCancel(ctx)
	for {
		select {
		case received := <-r.work:
			r.do(finish, received)
		case settled := <-r.settles:
			r.digests.stop() // this unit may stop being standby, and a digest may adopt entries
			r.finishWork(finish)
			close(settled)
		case <-r.acknowledger.timer.C:
			r.mu.Lock()
			r.acknowledger.sendDelayed()
			r.mu.Unlock()
		case <-ctx.Done():
			r.finishWork(finish)
			return
		}
	}
}

// requestWhenLost requests a snapshot of each class whose sink has lost its entries, until ctx ends. It returns a
// function that waits for the end.
func (r *Receiver) requestWhenLost(ctx context.Context) (wait func()) {
	var following sync.WaitGroup
	for _, c := range r.config.Classes {
		if c.Lost == nil {
			continue
		}
		following.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-c.Lost:
				}
				if r.config.IsStandby() {
					r.config.Log.Info("Requesting everything, since this unit has lost its entries", "class", c.ID.String())
					r.config.Session.Send(&wire.Resync{Class: c.ID})
				}
			}
		})
	}
	return following.Wait
}

// Take applies a frame, or leaves it to Run. In that case it keeps the frame and releases it later. The session's
// reader calls it.
func (r *Receiver) Take(ctx context.Context, received peer.Received) (kept bool, err error) {
	if isShort(received.Frame) && r.waiting.Load() == 0 {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.apply(context.WithoutCancel(ctx), received.Frame)
		return false, nil
	}
	r.waiting.Add(1)
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case r.work <- received:
		return true, nil
	}
}

// isShort reports whether a frame is applied in a moment.
func isShort(f wire.Frame) bool {
	switch f.(type) {
	case *wire.Delta, *wire.Barrier, *wire.Relinquish:
		return true
	default:
		return false
	}
}

// Settle returns when everything that has arrived is applied.
func (r *Receiver) Settle(ctx context.Context) error {
	settled := make(chan struct{})
	select {
	case r.settles <- settled:
	case <-r.finished: // Run has applied everything
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-settled:
		return nil
	case <-r.finished:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// StopDigests cancels the digests under way. They write nothing to a sink after it has returned.
func (r *Receiver) StopDigests() { r.digests.stop() }

// Position returns the position up to which everything is written.
func (r *Receiver) Position() uint64 { return r.acknowledger.position.Load() }

// finishWork applies the frames that wait.
func (r *Receiver) finishWork(ctx context.Context) {
	for {
		select {
		case received := <-r.work:
			r.do(ctx, received)
		default:
			r.mu.Lock() // wait for a frame that the reader applies
			r.mu.Unlock()
			return
		}
	}
}

// do applies a frame and releases it. A sink keeps nothing of it.
func (r *Receiver) do(ctx context.Context, received peer.Received) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.apply(ctx, received.Frame)
	received.Release()
	r.waiting.Add(-1)
}

// apply writes what a frame has, and answers it.
func (r *Receiver) apply(ctx context.Context, f wire.Frame) {
	if !r.config.IsStandby() {
		return
	}
	switch f := f.(type) {
	case *wire.DigestRequest:
		r.startDigest(*f)
		r.acknowledger.wrote(f.Position, r.hasMore())
	case *wire.Begin:
		if err := r.table(f.Class).begin(f); err != nil {
			r.config.Session.End(fmt.Errorf("%w: a snapshot of %w", protocol.ErrProtocol, err))
		}
		r.acknowledger.wrote(f.Position, r.hasMore())
	case *wire.Records:
		r.table(f.Class).add(ctx, f)
		r.acknowledger.wrote(f.Position, r.hasMore())
	case *wire.SnapshotEnd:
		r.table(f.Class).end(ctx)
		r.reportCapacity()
		r.acknowledger.wrote(f.Position, r.hasMore())
	case *wire.Delta:
		r.table(f.Class).apply(ctx, f.Changes)
		r.acknowledger.wroteChanges(f.Position, r.hasMore())
	case *wire.Barrier:
		r.acknowledger.sendDelayed() // the active may read the position as soon as it has the answer
		r.config.Session.Send(&wire.BarrierAck{ID: f.ID})
	case *wire.Relinquish:
		r.config.Relinquished(f.Term, f.Sequence)
		r.config.Session.Send(&wire.RelinquishAck{Term: f.Term})
	default: // the session passes no other frame
	}
}

// hasMore reports whether more frames wait to be applied.
func (r *Receiver) hasMore() bool { return len(r.work) > 0 }

// table returns the table of a class.
func (r *Receiver) table(id state.Class) *table {
	t := r.tables[id]
	if t == nil {
		t = &table{
			session: r.config.Session, full: r.config.Full, metrics: r.config.Metrics[id], log: r.config.Log,
		}
		for _, c := range r.config.Classes { // the rules refuse a class that is not here
			if c.ID == id {
				t.class = c
			}
		}
		r.tables[id] = t
	}
	return t
}

// reportCapacity reports that all classes have room, if they have.
func (r *Receiver) reportCapacity() {
	for _, t := range r.tables {
		if t.capacity.isExceeded() {
			return
		}
	}
	r.config.Full("")
}

// startDigest digests the table of a class in the background, and sends the answer.
func (r *Receiver) startDigest(request wire.DigestRequest) {
	t := r.table(request.Class)
	t.emptyAt = 0 // generations start again whenever the peer becomes active
	r.digests.start(func(ctx context.Context) {
		answer, err := digest(ctx, t.class.Sink, request)
		if err != nil && ctx.Err() == nil {
			r.config.Log.Error(err, "Failed to digest class", "class", t.class.ID.String())
		}
		if answer.Known && answer.Entries == 0 {
			r.mu.Lock()
			t.emptyAt = request.Generation
			r.mu.Unlock()
		}
		r.config.Session.Send(answer)
	})
}
