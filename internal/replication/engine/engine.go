package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/replication/peer"
	"github.com/hapair-io/hapair/internal/replication/protocol"
	"github.com/hapair-io/hapair/internal/replication/receiver"
	"github.com/hapair-io/hapair/internal/replication/sender"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/internal/state"
)

// Engine replicates. Its methods are safe for concurrent use, also before and after Run.
type Engine struct {
	config    Config
	log       logr.Logger
	shared    *shared
	connector *connector
	commits   *commits
	// current is the link of the current session; nil without one. It is written under mu. Heartbeats read it, and
	// they must not wait for a lock.
	current atomic.Pointer[link]

	mu    sync.Mutex
	view  protocol.View
	floor uint64 // the newest term that is known, see package protocol
}

// New returns an engine that does nothing until Run.
func New(config Config) (*Engine, error) {
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("configuring replication: %w", err)
	}
	if config.Metrics == nil {
		config.Metrics = NewMetrics(prometheus.NewRegistry())
	}
	if config.Network == nil {
		config.Network = transport.TCP{}
	}
	if config.Own == nil {
		config.Own = own.New(own.Config{Read: func() ([]netip.Addr, error) { return nil, nil }})
	}
	e := &Engine{config: config, log: config.Log}
	e.shared = &shared{
		config: &e.config, events: newOutbox(), throttle: sender.NewThrottle(config.Limits),
		senderMetrics:   map[state.Class]*sender.ClassMetrics{},
		receiverMetrics: map[state.Class]*receiver.ClassMetrics{},
	}
	for _, c := range config.Classes {
		e.shared.senderMetrics[c.ID] = config.Metrics.sender.Class(c.ID)
		e.shared.receiverMetrics[c.ID] = config.Metrics.receiver.Class(c.ID)
	}
	e.connector, e.commits = newConnector(&e.config, e.serve), newCommits(&e.config)
	config.Own.Subscribe(func() {
		if l := e.current.Load(); l != nil {
			l.addressesChanged()
		}
	})
	return e, nil
}

// Run replicates until ctx ends, and returns when everything that it started has ended. It fails at once if it cannot
// listen.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { e.shared.events.run(ctx) })
	running.Go(func() { e.commits.run(ctx) })
	running.Go(func() {
		e.config.Own.Run(ctx, func(err error) { e.log.Error(err, "Failed to follow own addresses, trying again") })
	})
	running.Go(func() { runRefreshes(ctx, &e.config, e.isStandby) })
	return e.connector.run(ctx)
}

// isStandby reports whether this unit is standby.
func (e *Engine) isStandby() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.view.Role == RoleStandby
}

// Events returns what happens. A slow reader gets the latest state, but not every step on the way to it.
func (e *Engine) Events() <-chan Event { return e.shared.events.events }

// SetPeer sets the peer's address. An invalid address is unknown. A session with another address ends.
func (e *Engine) SetPeer(peer netip.Addr) { e.connector.setPeer(peer) }

// SetLimits changes how fast state is sent.
func (e *Engine) SetLimits(l Limits) error {
	if err := l.Validate(); err != nil {
		return err
	}
	e.shared.throttle.Set(l)
	return nil
}

// Become sets the role of this unit, and the term since which it has it. It returns at once. To repeat it is harmless.
func (e *Engine) Become(role Role, term uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	view := protocol.View{Role: role, Term: term}
	if e.view == view {
		return
	}
	e.log.Info("Changing replication role", "role", role.String(), "term", term)
	if role == RoleStandby {
		e.commits.stop()
	}
	e.view = view
	e.floor = max(e.floor, term)
	if l := e.current.Load(); l != nil {
		l.become(view)
	}
}

// Commit makes the received entries this unit's own. It returns when all of them are applied, and the classes are
// prepared for the promotion. The sinks commit in the background, which may take long.
func (e *Engine) Commit(ctx context.Context) error {
	var err error
	if l := e.current.Load(); l != nil {
		if err = l.receiver.Settle(ctx); err != nil {
			err = fmt.Errorf("applying received state: %w", err)
		}
	}
	// The classes are prepared even so: after the last try, the promotion continues without what was not applied.
	if err = errors.Join(err, e.commits.promote(ctx)); err != nil {
		return err
	}
	e.commits.start()
	return nil
}

// Flush returns when everything that changed before the call is written on the standby.
func (e *Engine) Flush(ctx context.Context) error {
	l := e.current.Load()
	if l == nil {
		return ErrNoStandby
	}
	return l.flush(ctx, (*sender.Sender).Flush)
}

// FlushClass returns when everything of a class that changed before the call is written on the standby. It fails at
// once if no standby is in sync, or if the standby does not have the class. Calls may overlap.
func (e *Engine) FlushClass(ctx context.Context, id state.Class) error {
	l := e.current.Load()
	if l == nil || !l.isInSync.Load() {
		return ErrNoStandby
	}
	s := l.current()
	if s == nil {
		return ErrNoStandby
	}
	return s.FlushClass(ctx, id)
}

// Relinquish gives up this unit's role as active. It sends everything that has changed, and then that this unit
// forwards no more in a term before the given one. It returns when the peer has acknowledged that. The peer writes
// everything before it sees the second, so nothing is waited for in between: nobody forwards meanwhile. This unit sends
// no more state until its next Become. The sequence is that of a heartbeat; the engine only passes it on.
func (e *Engine) Relinquish(ctx context.Context, term, sequence uint64) error {
	l := e.current.Load()
	if l == nil {
		return ErrNoStandby
	}
	if err := l.flush(ctx, (*sender.Sender).SendAll); err != nil {
		return err
	}
	return l.relinquish(ctx, term, sequence)
}

// SyncPosition returns how far state has come in the session: the number of the frame that the active sent last, or
// that the standby wrote last. It is 0 if there is no session, or if nothing was sent in it. It does not block.
func (e *Engine) SyncPosition() uint64 {
	if l := e.current.Load(); l != nil {
		return l.position()
	}
	return 0
}

// Status returns how replication stands.
func (e *Engine) Status() Status {
	if l := e.current.Load(); l != nil {
		return l.status()
	}
	return Status{}
}

// serve replicates over a session as long as it lasts.
func (e *Engine) serve(ctx context.Context, session *peer.Session) {
	e.log.Info("Connected to peer", "peer", session.RemoteAddr().String(), "incarnation", session.Incarnation)
	e.shared.events.put(PeerConnected{
		Incarnation: session.Incarnation, Address: session.Address, Keys: session.Keys,
	})
	l := newLink(e.shared, session)
	e.mu.Lock()
	e.current.Store(l)
	l.begin(e.view, e.floor)
	e.mu.Unlock()
	e.config.Metrics.connected.Set(1)

	reason := l.run(ctx)
	e.mu.Lock()
	e.current.Store(nil)
	e.floor = max(e.floor, l.floor())
	e.mu.Unlock()
	e.config.Metrics.connected.Set(0)
	e.shared.events.put(PeerDisconnected{Err: reason})
	e.log.Info("Lost peer", "reason", reason.Error())
}
