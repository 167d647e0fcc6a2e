package engine

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/peer"
	"github.com/hapair-io/hapair/internal/replication/protocol"
	"github.com/hapair-io/hapair/internal/replication/receiver"
	"github.com/hapair-io/hapair/internal/replication/sender"
	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// ErrNoStandby is the error of a call that needs a standby while no standby is connected.
var ErrNoStandby = sender.ErrNoStandby

// addressesVersion is the version of the protocol since which the units announce their own addresses.
const addressesVersion = 5

// Status describes replication at one time.
type Status struct {
	// Connected reports whether there is a session. The other fields describe that session.
	Connected bool
	// PeerIncarnation identifies the peer's process.
	PeerIncarnation string
	// InSync reports whether the standby has everything.
	InSync bool
	// Queued is the number of changes that wait on the active.
	Queued int
	// Lag is the age of the oldest change of the last acknowledged frame when the standby had written it.
	Lag time.Duration
	// Resyncs counts how often the tables of a class were compared again because changes were lost.
	Resyncs uint64
	// SyncPosition is the result of the method of that name.
	SyncPosition uint64
	// Unacknowledged is the number of frames of state that the active has sent and the standby has not written yet.
	Unacknowledged uint64
}

// shared is what all links of an engine share.
type shared struct {
	config          *Config
	events          *outbox
	throttle        *sender.Throttle
	senderMetrics   map[state.Class]*sender.ClassMetrics
	receiverMetrics map[state.Class]*receiver.ClassMetrics
}

// link is replication over one session. It applies the rules of the protocol, and starts and stops the sender.
//
// Its lock may be held while the locks of the sender and of the session are taken, and never the other way round.
type link struct {
	shared   *shared
	log      logr.Logger
	session  *peer.Session
	receiver *receiver.Receiver
	counters *sender.Counters
	ended    chan struct{}  // closed when run has returned
	flushing chan struct{}  // holds one while a flush is under way
	senders  sync.WaitGroup // senders that run

	// These are read without the lock, and written with it.
	isStandby, isInSync, isOver atomic.Bool

	mu             sync.Mutex
	rules          *protocol.Rules
	sender         *sender.Sender // nil while no state is sent
	cancelSender   context.CancelFunc
	isRelinquished bool // nothing is sent until the next role
	announced      []netip.Addr
	relinquishes   map[uint64]chan struct{}
}

// newLink returns the link of a session that does not run yet.
func newLink(shared *shared, session *peer.Session) *link {
	l := &link{
		shared: shared, log: shared.config.Log.WithValues("peerIncarnation", session.Incarnation), session: session,
		rules: session.Rules, counters: sender.NewCounters(&session.Rules.Positions),
		ended: make(chan struct{}), flushing: make(chan struct{}, 1), relinquishes: map[uint64]chan struct{}{},
	}
	l.receiver = receiver.New(receiver.Config{
		Session: session, Classes: shared.config.Classes, Metrics: shared.receiverMetrics, Log: l.log,
		IsStandby: l.isStandby.Load,
		Full:      func(class string) { shared.events.put(SinkFull{Class: class}) },
		Relinquished: func(term, sequence uint64) {
			shared.events.put(PeerRelinquished{Term: term, Sequence: sequence})
		},
	})
	return l
}

// begin announces this unit's role to the peer. The engine calls it once, before run.
func (l *link) begin(view protocol.View, floor uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rules.Raise(floor)
	l.setLocal(view)
	l.announceAddresses(true)
	l.session.Send(&wire.RoleChange{Role: view.Role, Term: view.Term})
}

// run replicates until the session or ctx ends. It returns the reason.
func (l *link) run(ctx context.Context) error {
	defer close(l.ended)
	receiving, stopReceiving := context.WithCancel(context.Background())
	defer stopReceiving()
	var running sync.WaitGroup
	running.Go(func() { l.receiver.Run(receiving) })
	reason := l.session.Run(ctx, l.handle)
	stopReceiving()
	running.Wait()

	l.mu.Lock()
	l.isOver.Store(true)
	l.endSender()
	l.setInSync(false)
	l.mu.Unlock()
	l.senders.Wait()
	_ = l.session.Close() // the last frame has been sent, if possible
	return reason
}

// become sets this unit's role and announces it to the peer.
func (l *link) become(view protocol.View) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isRelinquished = false
	l.setLocal(view)
	l.receiver.StopDigests()
	l.endSender() // of an earlier term
	l.setInSync(false)
	l.session.Send(&wire.RoleChange{Role: view.Role, Term: view.Term})
	l.update(true)
}

// handle acts on a frame from the peer, or passes it to the receiver.
func (l *link) handle(ctx context.Context, r peer.Received) (kept bool, err error) {
	taken, current, err := l.judge(r.Frame)
	if err != nil || !taken {
		return false, err
	}
	switch f := r.Frame.(type) {
	case *wire.Addresses:
		l.shared.config.Own.SetPeer(f.Own) // calls addressesChanged
	case *wire.DigestRequest, *wire.Begin, *wire.Records, *wire.SnapshotEnd, *wire.Delta, *wire.Barrier,
		*wire.Relinquish:
		return l.receiver.Take(ctx, r)
	case *wire.Bye:
		return false, fmt.Errorf("the peer ended the session: %s", f.Reason)
	default: // for the sender, or judge acted on it
	}
	if current == nil {
		return false, nil
	}
	switch f := r.Frame.(type) {
	case *wire.Ack:
		current.Acknowledge(f)
		l.updateSync()
	case *wire.Digests:
		current.Compare(f)
	case *wire.Resync:
		current.Resync(f)
	case *wire.BarrierAck:
		current.AcknowledgeBarrier(f)
	default: // judge acted on it
	}
	return false, nil
}

// judge applies the rules to a frame, and acts on the frames that concern roles. It reports whether to act on the frame
// otherwise, and returns the current sender.
func (l *link) judge(f wire.Frame) (taken bool, current *sender.Sender, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	verdict, err := l.rules.Receive(f)
	if err != nil {
		return false, nil, err
	}
	if verdict == protocol.Refuse {
		l.log.V(1).Info("Refused frame of an older term or another role", "kind", f.Kind())
		return false, nil, nil
	}
	switch f := f.(type) {
	case *wire.RoleChange:
		l.update(true)
	case *wire.Sync:
		l.setInSync(f.InSync)
	case *wire.RelinquishAck:
		if acknowledged, ok := l.relinquishes[f.Term]; ok {
			close(acknowledged)
			delete(l.relinquishes, f.Term)
		}
	default: // handle acts on it
	}
	return true, l.sender, nil
}

// addressesChanged announces this unit's own addresses if they have changed, and compares all classes again.
func (l *link) addressesChanged() {
	l.mu.Lock()
	l.announceAddresses(false)
	current := l.sender
	l.mu.Unlock()
	if current != nil {
		current.AddressesChanged() // calls updateSync
	}
}

// updateSync reports whether the standby has everything, if that has changed.
func (l *link) updateSync() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.update(false)
}

// The functions from here to the next comment of this kind expect their caller to hold the lock.

// setLocal sets this unit's role.
func (l *link) setLocal(view protocol.View) {
	l.rules.SetLocal(view)
	l.isStandby.Store(view.Role == wire.RoleStandby)
}

// announceAddresses announces this unit's own addresses, if they have changed or if force is set.
func (l *link) announceAddresses(force bool) {
	own := l.shared.config.Own.Unit()
	if l.rules.Version() < addressesVersion || !force && slices.Equal(own, l.announced) {
		return
	}
	l.announced = own
	l.session.Send(&wire.Addresses{Own: own})
}

// setInSync reports whether the standby has everything.
func (l *link) setInSync(inSync bool) {
	if l.isInSync.Swap(inSync) != inSync {
		l.shared.config.Metrics.inSync.Set(boolValue(inSync))
		l.shared.events.put(SyncChanged{InSync: inSync})
	}
}

// update starts or ends the sender, as the roles of the units require, and then reports whether the standby has
// everything. If a role has changed, the standby needs everything again.
func (l *link) update(roleChanged bool) {
	if l.isRelinquished || l.isOver.Load() {
		return
	}
	if roleChanged {
		l.endSender()
	}
	if !l.rules.Sends() {
		if !l.rules.Takes() { // a standby believes its active
			l.setInSync(false)
		}
		return
	}
	if l.sender == nil {
		l.startSender()
	}
	inSync := l.sender.IsInSync(l.isInSync.Load())
	if inSync != l.isInSync.Load() || roleChanged {
		l.session.Send(&wire.Sync{Term: l.rules.Local().Term, InSync: inSync})
	}
	l.setInSync(inSync)
}

// startSender starts to send the classes that both units have.
func (l *link) startSender() {
	var classes []class.Class
	for _, id := range l.rules.Classes() {
		for _, c := range l.shared.config.Classes {
			if c.ID == id {
				classes = append(classes, c)
			}
		}
	}
	s := sender.New(sender.Config{
		Session: l.session, Counters: l.counters, Term: l.rules.Local().Term, Classes: classes,
		Metrics: l.shared.senderMetrics, Throttle: l.shared.throttle, Log: l.log,
		AuditInterval: l.shared.config.AuditInterval,
		InSync:        l.isInSync.Load, Changed: l.updateSync,
	})
	ctx, cancel := context.WithCancel(context.Background()) // ended by endSender, at the latest at the end of run
	l.sender, l.cancelSender = s, cancel
	l.senders.Go(func() { s.Run(ctx) })
	l.session.SetSource(s)
}

// endSender stops sending state.
func (l *link) endSender() {
	if l.sender != nil {
		l.session.SetSource(nil)
		l.cancelSender()
		l.sender = nil
	}
}

// The functions from here on expect that their caller does not hold the lock.

// current returns the sender; nil while no state is sent.
func (l *link) current() *sender.Sender {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sender
}

// flush calls a method of the sender that sends everything which changed before the call.
func (l *link) flush(ctx context.Context, flush func(*sender.Sender, context.Context) error) error {
	select { // one at a time: the second would wait for the same
	case l.flushing <- struct{}{}:
		defer func() { <-l.flushing }()
	case <-ctx.Done():
		return fmt.Errorf("waiting for an earlier flush: %w", ctx.Err())
	}
	s := l.current()
	if s == nil {
		return ErrNoStandby
	}
	return flush(s, ctx)
}

// relinquish sends that this unit forwards no more in a term before the given one, and returns when the peer has
// acknowledged that.
func (l *link) relinquish(ctx context.Context, term, sequence uint64) error {
	acknowledged := l.sendRelinquish(term, sequence)
	start := time.Now()
	what := fmt.Sprintf("waiting for the peer to acknowledge that the role is given up for term %d", term)
	select {
	case <-acknowledged:
		return nil
	case <-l.ended:
		return fmt.Errorf("%s: %w any more", what, ErrNoStandby)
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.relinquishes, term)
		return fmt.Errorf("%s for %s: %w", what, time.Since(start).Round(time.Millisecond), ctx.Err())
	}
}

// sendRelinquish stops sending state, and queues the frame. The channel is closed when the peer has acknowledged it.
//
// It sends no Sync: the last one from before decides whether the peer may take over.
func (l *link) sendRelinquish(term, sequence uint64) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isRelinquished = true
	l.setLocal(protocol.View{Role: wire.RoleNone, Term: l.rules.Local().Term})
	l.endSender()
	acknowledged := make(chan struct{})
	l.relinquishes[term] = acknowledged
	l.session.Send(&wire.Relinquish{Term: term, Sequence: sequence})
	return acknowledged
}

// position returns the number of the last frame of state that an active has sent, or that a standby has written.
func (l *link) position() uint64 {
	switch {
	case l.isOver.Load():
		return 0
	case l.isStandby.Load():
		return l.receiver.Position()
	default:
		return l.session.Rules.Positions.Sent()
	}
}

// floor returns the newest term that the session has shown.
func (l *link) floor() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rules.Floor()
}

// status returns how replication stands.
func (l *link) status() Status {
	status := Status{
		Connected: true, PeerIncarnation: l.session.Incarnation, InSync: l.isInSync.Load(), Lag: l.counters.Lag(),
		Resyncs: l.counters.Resyncs(), SyncPosition: l.position(),
	}
	if s := l.current(); s != nil {
		status.Queued, status.Unacknowledged = s.Queued(), s.Unacknowledged()
	}
	return status
}
