package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/protocol"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// Role is what this unit does, as far as replication is concerned.
type Role = wire.Role

// The roles that Become takes.
const (
	RoleNone    = wire.RoleNone
	RoleActive  = wire.RoleActive
	RoleStandby = wire.RoleStandby
)

// ErrNoStandby says that there is no standby to send to.
var ErrNoStandby = errors.New("no standby is connected")

// Config is what an engine is made from.
type Config struct {
	// Pair, Namespace and Unit are who this unit is, Peer which unit the other one is.
	Pair, Namespace, Unit, Peer string
	// Incarnation is this life of the process, as the lease names it.
	Incarnation string
	// ListenAddress is where to listen, as in ":7780". A unit that has none dials: one of the two must listen, whatever
	// their roles, so that a change of roles does not touch the connection.
	ListenAddress string
	// PeerPort is where the peer listens.
	PeerPort uint16
	// TLS makes the configuration of one handshake.
	TLS transport.Source
	// Classes are what is replicated; none is allowed.
	Classes []class.Class
	// Limits bound how fast state is sent, until SetLimits says otherwise.
	Limits Limits
	// AuditInterval is the time between two comparisons of the units' tables while they are in sync. Each costs both
	// units a dump of the table. 0 disables audits.
	AuditInterval time.Duration
	// Metrics are counted up; ones that nobody reads when nil.
	Metrics *Metrics
	Log     logr.Logger
	// Network makes connections; TCP when nil.
	Network transport.Network
}

func (c *Config) check() error {
	var errs []error
	for name, value := range map[string]string{
		"pair": c.Pair, "namespace": c.Namespace, "unit": c.Unit, "peer": c.Peer, "incarnation": c.Incarnation,
	} {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s must be set", name))
		}
	}
	if c.TLS == nil {
		errs = append(errs, errors.New("a source of TLS configurations must be given"))
	}
	errs = append(errs, c.Limits.check())
	if c.ListenAddress == "" && c.PeerPort == 0 {
		errs = append(errs, errors.New("either an address to listen on or the peer's port must be set"))
	}
	return errors.Join(errs...)
}

// Engine replicates. Its methods may be called from anywhere, also before and after Run.
type Engine struct {
	config   Config
	log      logr.Logger
	events   *outbox
	throttle throttle
	metrics  map[state.Class]*classMetrics
	commits  chan context.Context // one at most: of two commits under way the earlier is needless
	// position is that of the current conversation. It is read for every heartbeat, which must not wait for a lock that
	// the state goes through.
	position atomic.Uint64

	mu      sync.Mutex
	view    protocol.View
	floor   uint64 // newest term that is known of, see package session
	current *conversation
	peer    netip.Addr
	moved   chan struct{} // signalled when peer changes
	recant  context.CancelFunc
}

// New makes an engine that does nothing until Run.
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
	metrics := map[state.Class]*classMetrics{}
	for _, c := range config.Classes {
		metrics[c.ID] = config.Metrics.of(c.ID)
	}
	return &Engine{
		metrics: metrics,
		config:  config, log: config.Log, events: newOutbox(), throttle: newThrottle(config.Limits),
		commits: make(chan context.Context, 1), moved: make(chan struct{}, 1), recant: func() {},
	}, nil
}

// Run replicates until the context ends; then everything that it started has ended too. It fails at once when it cannot
// listen.
func (e *Engine) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { e.events.run(ctx) })
	running.Go(func() { e.runCommits(ctx) })
	running.Go(func() { e.runRefreshes(ctx) })
	if e.config.ListenAddress != "" {
		return e.listen(ctx)
	}
	return e.dial(ctx)
}

// Events are what happens, see Event. A slow reader misses nothing that still matters.
func (e *Engine) Events() <-chan Event { return e.events.events }

// SetPeer tells where the peer is; an invalid address is unknown. A conversation with another address ends.
func (e *Engine) SetPeer(peer netip.Addr) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.peer != peer {
		e.peer = peer
		signal(e.moved)
	}
}

// SetLimits bounds how fast state is sent from now on.
func (e *Engine) SetLimits(l Limits) error {
	if err := l.check(); err != nil {
		return err
	}
	e.throttle.set(l)
	return nil
}

func (e *Engine) peerAddress() netip.Addr {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.peer
}

// Become tells what this unit is and since which term. It returns at once, and repeating it is harmless.
func (e *Engine) Become(role Role, term uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	view := protocol.View{Role: role, Term: term}
	if e.view == view {
		return
	}
	e.log.Info("Changing replication role", "role", role.String(), "term", term)
	if role == RoleStandby {
		e.recant() // a commit that goes on would let entries age that the active keeps
	}
	e.view = view
	e.floor = max(e.floor, term)
	if e.current != nil {
		e.current.become(view)
	}
}

// Commit makes what was received this unit's own: it returns when all of it is applied, and lets the sinks commit
// behind its back, which may take long.
func (e *Engine) Commit(ctx context.Context) error {
	if c := e.conversation(); c != nil {
		if err := c.settle(ctx); err != nil {
			return fmt.Errorf("applying what was received: %w", err)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.recant()
	commit, recant := context.WithCancel(context.Background()) // ends when recanted, or with Run
	e.recant = recant
	select {
	case <-e.commits: // of an earlier call, which recanting made needless
	default:
	}
	e.commits <- commit
	return nil
}

// Flush returns when everything that changed before the call is written on the standby.
func (e *Engine) Flush(ctx context.Context) error {
	c := e.conversation()
	if c == nil {
		return ErrNoStandby
	}
	return c.flush(ctx)
}

// Relinquish flushes, and tells the peer that this unit forwards no more in a term before the given one; it returns when the
// peer has acknowledged. This unit sends no more state until its next Become. The sequence is that of a heartbeat; the
// engine passes it on and nothing else.
func (e *Engine) Relinquish(ctx context.Context, term, sequence uint64) error {
	c := e.conversation()
	if c == nil {
		return ErrNoStandby
	}
	if err := c.flush(ctx); err != nil {
		return err
	}
	return c.relinquish(ctx, term, sequence)
}

// Status is how replication stands.
type Status struct {
	// Connected says whether there is a conversation; the rest is of that conversation.
	Connected bool
	// PeerIncarnation is whom it is with.
	PeerIncarnation string
	// InSync says whether the standby has everything.
	InSync bool
	// Queued is the number of changes that wait on the active.
	Queued int
	// Lag is how old the oldest of the last changes was when the standby had them written.
	Lag time.Duration
	// Resyncs counts how often a class had to be sent anew because changes were lost.
	Resyncs uint64
	// SyncPosition is as the method of that name tells it.
	SyncPosition uint64
	// Unacknowledged is how many frames of state the active has sent that the standby has not written yet.
	Unacknowledged uint64
}

// SyncPosition is how far state has come in the conversation: the number of the frame that the active sent last, or
// that the standby wrote last; 0 when there is no conversation, or nothing was sent in it. It waits for nobody.
func (e *Engine) SyncPosition() uint64 { return e.position.Load() }

// Status is how replication stands now.
func (e *Engine) Status() Status {
	if c := e.conversation(); c != nil {
		return c.status()
	}
	return Status{}
}

func (e *Engine) conversation() *conversation {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.current
}

func (e *Engine) class(id state.Class) (class.Class, bool) {
	for _, c := range e.config.Classes {
		if c.ID == id {
			return c, true
		}
	}
	return class.Class{}, false
}

// runCommits lets the sinks commit, one commit after the other.
func (e *Engine) runCommits(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case commit := <-e.commits:
			e.commit(ctx, commit)
		}
	}
}

func (e *Engine) commit(ctx, commit context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(commit, cancel)()
	for _, c := range e.config.Classes {
		start := time.Now()
		if err := c.Sink.Commit(ctx); err != nil {
			e.log.Error(err, "Committing class failed", "class", c.ID.String(), "recanted", commit.Err() != nil)
			continue
		}
		e.log.Info("Committed class", "class", c.ID.String(), "took", time.Since(start).String())
	}
}

// runRefreshes keeps a standby's entries from ageing out.
func (e *Engine) runRefreshes(ctx context.Context) {
	ticker := time.NewTicker(class.RefreshInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			e.refresh(ctx)
		}
	}
}

func (e *Engine) refresh(ctx context.Context) {
	e.mu.Lock()
	role := e.view.Role
	e.mu.Unlock()
	if role != RoleStandby {
		return
	}
	for _, c := range e.config.Classes {
		if err := c.Sink.Refresh(ctx); err != nil {
			e.log.Error(err, "Refreshing class failed", "class", c.ID.String())
		}
	}
}
