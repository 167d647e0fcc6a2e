package engine

import (
	"bufio"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/replication/protocol"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/internal/replication/wire"
)

const (
	// pingInterval is how often a unit gives a sign of life.
	pingInterval = time.Second
	// silence is how long the peer may be silent before it counts as gone.
	silence = 3 * time.Second
	// farewell is how long the last frame may take.
	farewell = 500 * time.Millisecond
	// maxControl bounds the frames that wait apart from state. The peer's questions alone make it grow.
	maxControl = 1024
	// buffered is the size of the buffers on both sides of a connection.
	buffered = 64 << 10
)

// conversation is one connection to the peer, from the greeting on.
type conversation struct {
	engine     *Engine
	log        logr.Logger
	connection *transport.Connection
	reader     *bufio.Reader
	peer       PeerConnected

	wake    chan struct{} // for the writer: there may be something to send
	later   *time.Timer   // for the writer, too: there is something that has waited long enough
	applier *applier
	settles chan chan struct{}
	ended   chan struct{}
	end     context.CancelCauseFunc

	writing  sync.Mutex // held by whoever sends state; taken before mu
	gathered []byte     // frames on their way to one call of Write

	laterSet atomic.Bool

	mu           sync.Mutex
	session      *protocol.Rules
	control      []wire.Frame // to be sent before any state
	applied      uint64       // position up to which everything is written here
	ackDue       bool
	ack          wire.Ack // whoever holds the writing lock has it, and the frames of the streams
	inSync       bool
	relinquished bool // nothing is sent any more, until the next role
	over         bool // nothing is begun any more
	streams      []*stream
	sending      context.CancelFunc // ends the streams; nil when there are none
	barriers     []*barrier
	relinquishes map[uint64]chan struct{}
	lastID       uint64
	flushes      int // flushes under way, for which the throttle is lifted
	resyncs      uint64
	flight       flight

	streaming sync.WaitGroup
	flushing  chan struct{} // held by the flush under way
}

func newConversation(
	e *Engine, connection *transport.Connection, reader *bufio.Reader, rules *protocol.Rules, peer PeerConnected,
) *conversation {
	c := &conversation{
		engine: e, log: e.log.WithValues("peerIncarnation", peer.Incarnation),
		connection: connection, reader: reader, peer: peer,
		session: rules,
		wake:    make(chan struct{}, 1), later: stoppedTimer(), settles: make(chan chan struct{}),
		ended: make(chan struct{}), relinquishes: map[uint64]chan struct{}{}, flushing: make(chan struct{}, 1),
	}
	c.applier = newApplier(c)
	return c
}

// begin tells the peer what this unit is. The engine calls it once, before run.
func (c *conversation) begin(view protocol.View, floor uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session.Raise(floor)
	c.session.SetLocal(view)
	c.tellPosition()
	c.send(&wire.RoleChange{Role: view.Role, Term: view.Term})
}

// run converses until the context or the connection ends, and says why it ended.
func (c *conversation) run(ctx context.Context) error {
	ctx, c.end = context.WithCancelCause(ctx)
	defer close(c.ended)
	defer c.end(nil)
	stop := context.AfterFunc(ctx, func() {
		// The reader gives up at once; the writer has a moment to say why.
		_ = c.connection.SetReadDeadline(time.Unix(1, 0))
		_ = c.connection.SetWriteDeadline(time.Now().Add(farewell))
	})
	defer stop()

	var running sync.WaitGroup
	running.Go(func() { c.end(c.read(ctx)) })
	running.Go(func() { c.end(c.write(ctx)) })
	running.Go(func() { c.applier.run(ctx) })
	running.Wait()

	c.mu.Lock()
	c.over = true
	c.stopStreams()
	c.setInSync(false)
	c.engine.position.Store(0)
	c.mu.Unlock()
	c.streaming.Wait()
	_ = c.connection.Close() // the farewell, if any, has been said
	return whyEnded(ctx)
}

// become tells the peer and the rules what this unit is from now on. The engine calls it.
func (c *conversation) become(view protocol.View) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.relinquished = false
	c.session.SetLocal(view)
	c.applier.surveys.stop()
	c.tellPosition()
	c.stopStreams() // those of an earlier term, if any
	c.setInSync(false)
	c.send(&wire.RoleChange{Role: view.Role, Term: view.Term})
	c.reconsider(true)
}

// position is how far state has come: what an active sent last, or what a standby wrote last. The caller holds the
// lock.
func (c *conversation) position() uint64 {
	if c.session.Local().Role == wire.RoleStandby {
		return c.applied
	}
	return c.session.Sent()
}

// tellPosition lets the engine know the position without this conversation's lock. The caller holds the lock.
func (c *conversation) tellPosition() {
	if !c.over {
		c.engine.position.Store(c.position())
	}
}

// send queues a frame that is no state. The caller holds the lock.
func (c *conversation) send(f wire.Frame) {
	if len(c.control) >= maxControl {
		c.end(fmt.Errorf("%w: more questions than can be answered", protocol.ErrProtocol))
		return
	}
	c.control = append(c.control, f)
	signal(c.wake)
}

// setInSync notes whether the standby has everything. The caller holds the lock.
func (c *conversation) setInSync(inSync bool) {
	if c.inSync != inSync {
		c.inSync = inSync
		c.engine.config.Metrics.inSync.Set(boolValue(inSync))
		c.engine.events.put(SyncChanged{InSync: inSync})
	}
}

// reconsider looks at what the units are, and begins or ends to send; then whether the standby has everything. A
// change of the peer's role is the beginning of a new life as standby, which needs everything anew. The caller holds
// the lock.
func (c *conversation) reconsider(roleChanged bool) {
	if c.relinquished || c.over {
		return
	}
	if roleChanged {
		c.stopStreams()
	}
	if !c.session.Sends() {
		if !c.session.Takes() { // a standby believes what its active says
			c.setInSync(false)
		}
		return
	}
	if c.sending == nil {
		c.startStreams()
	}
	inSync := c.judgeSync()
	if inSync != c.inSync || roleChanged {
		term := c.session.Local().Term
		c.send(&wire.Sync{Term: term, InSync: inSync})
	}
	c.setInSync(inSync)
}

// The standby is in sync from when it has every snapshot and little else to come, and until much has gathered: between
// the two bounds it stays what it was, so that a burst does not make it flicker.
const (
	littleQueued = 1_024
	muchQueued   = 16_384
)

func (c *conversation) judgeSync() bool {
	bound := littleQueued
	if c.inSync {
		bound = muchQueued
	}
	for _, s := range c.streams {
		if s.phase != phaseLive || s.snapshotEnd > c.session.Acked() || s.queue.Len() > bound {
			return false
		}
	}
	return true
}

func (c *conversation) startStreams() {
	ctx, cancel := context.WithCancel(context.Background()) // ended by stopStreams, as the conversation's last act
	c.sending = cancel
	for _, id := range c.session.Classes() {
		if class, ok := c.engine.class(id); ok {
			s := newStream(c, class)
			c.streams = append(c.streams, s)
			c.streaming.Go(func() { s.run(ctx) })
		}
	}
	signal(c.wake)
}

func (c *conversation) stopStreams() {
	if c.sending != nil {
		c.sending()
		c.sending = nil
		c.streams = nil
	}
}

// floor is the newest term that the conversation told of.
func (c *conversation) floor() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session.Floor()
}

func (c *conversation) status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	status := Status{
		Connected: true, PeerIncarnation: c.peer.Incarnation, InSync: c.inSync, Lag: c.flight.lag, Resyncs: c.resyncs,
		SyncPosition: c.position(),
	}
	if c.session.Sends() {
		status.Unacknowledged = c.session.Sent() - c.session.Acked()
	}
	for _, s := range c.streams {
		status.Queued += s.queue.Len()
	}
	return status
}
