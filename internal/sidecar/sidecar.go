package sidecar

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/addresses"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/enforcement"
	"github.com/hapair-io/hapair/internal/gate"
	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/heartbeat"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/notify"
)

// StopBudget is how long a unit that is asked to stop may take to hand over or release what it holds. It is less than a
// pod's grace period by what a slow node needs to begin and to end.
const StopBudget = 20 * time.Second

// successionTime is how long a promotion may take on a busy machine.
const successionTime = 500 * time.Millisecond

// Lease is the witness.
type Lease interface {
	Read(ctx context.Context) (ha.Outcome, ha.Record)
	Write(ctx context.Context, r ha.Record) (ha.Outcome, ha.Record)
	// Watch calls seen until the context ends.
	Watch(ctx context.Context, seen func(ha.Record))
}

// Gate lets traffic through until a deadline.
type Gate interface {
	Set(ctx context.Context, c gate.Config) error
	// SetRulesInForce closes the gate while the firewall's rules are not in force.
	SetRulesInForce(inForce bool) error
	// CheckOpen fails when the gate is not open.
	CheckOpen() error
	// Fence returns what closes the gate in the kernel at the deadline.
	Fence() contract.Fence
	// Run watches the gate until the context ends. It calls repaired with what was wrong after the gate was put back.
	Run(ctx context.Context, repaired func(wrong error))
}

// Addresses are the virtual addresses.
type Addresses interface {
	Set(ctx context.Context, c addresses.Config) error
	Announce(ctx context.Context) error
	Verify() error
	// Watch reports which other stations claim the addresses whenever that changes, until the context ends.
	Watch(ctx context.Context, changed func([]addresses.Conflict))
	// Keep keeps the addresses as Set has left them. It reports how well the unit holds, or could hold, those of each
	// network whenever that changes, until the context ends.
	Keep(ctx context.Context, changed func([]addresses.State))
	// Close ends the announcements.
	Close()
}

// DataPlane keeps the routes and rules of the traffic interfaces apart from those of the pod.
type DataPlane interface {
	// Run keeps them until the context ends. It reports what cannot be set right, and nil when that is over.
	Run(ctx context.Context, changed func(error))
}

// Neighbours compares static neighbours with what the segments answer.
type Neighbours interface {
	// Run compares them until the context ends. It reports those that are wrong, and nil when that is over.
	Run(ctx context.Context, changed func(error))
}

// Replication keeps the standby's state equal to the active's.
type Replication interface {
	// Run replicates until the context ends.
	Run(ctx context.Context) error
	// Follow reports what happens as facts for the machine, until the context ends. It also reports which class of state
	// has a full table on this unit; people read that.
	Follow(ctx context.Context, happened func(ha.Fact), full func(class string))
	SetPeer(address netip.Addr)
	Become(role ha.Role, term uint64)
	Commit(ctx context.Context) error
	Flush(ctx context.Context) error
	Relinquish(ctx context.Context, term, sequence uint64) error
}

// Heartbeats are the messages that carry grants between the units.
type Heartbeats interface {
	Send(m heartbeat.Message) error
	// Run receives until the context ends.
	Run(ctx context.Context, received func(from string, m heartbeat.Message)) error
}

// Monitors watch what the unit needs to serve the traffic.
type Monitors interface {
	// Run reports the health, and the result of each check, whenever they change, until the context ends.
	Run(ctx context.Context, changed func(h ha.Health, checks []contract.UnitHealth))
}

// Configuration delivers the document to the firewall of the unit.
type Configuration interface {
	// Run delivers documents until the context ends.
	Run(ctx context.Context)
	// Become records whether the unit is active. It returns at once.
	Become(active bool)
	// InForce records the hash of what the firewall enforces. It returns at once.
	InForce(hash string)
}

// Providers are the processes that publish their state through the unit.
type Providers interface {
	// Run serves them until the context ends.
	Run(ctx context.Context)
	// Follow reports which providers of a standby do not take over what the peer sends, as text, whenever that changes,
	// until the context ends. The text is empty if all do.
	Follow(ctx context.Context, changed func(behind string))
	// Become sets the role of the unit and its term. It returns at once.
	Become(role localapi.Role, term uint64)
	// HandoverSoon announces that the unit is about to hand over its role. It returns at once.
	HandoverSoon()
}

// Rules reports which document's rules the kernel enforces.
type Rules interface {
	// Run reports after each verification, until the context ends.
	Run(ctx context.Context, report func(enforcement.State))
	// Recheck verifies the rules again, soon.
	Recheck()
}

// Peer is the other unit of the pair, as the cluster knows it.
type Peer interface {
	// Watch calls changed with the peer's address whenever it changes, until the context ends. The address is zero while
	// the peer has none.
	Watch(ctx context.Context, changed func(netip.Addr))
}

// Config is one unit and what it is made of.
type Config struct {
	HA        ha.Config
	Lease     Lease
	Gate      Gate
	Addresses Addresses
	// DataPlane may be nil: then nobody keeps the routes of the traffic interfaces.
	DataPlane DataPlane
	// Neighbours may be nil: then nobody checks static neighbours.
	Neighbours  Neighbours
	Replication Replication
	// Heartbeats and Monitors may be nil: the unit then knows of its peer by the witness and the replication alone.
	Heartbeats    Heartbeats
	Monitors      Monitors
	Configuration Configuration
	// Providers may be nil: then nobody publishes.
	Providers Providers
	// Rules is nil if the firewall is that of a third party, whose report counts.
	Rules Rules
	Peer  Peer
	// Status is where the unit reports.
	Status StatusStore
	// Classes are the names of the classes of state that are replicated.
	Classes []string
	// Connections counts the connections that the kernel holds.
	Connections func() (int64, error)
	// Costs returns what each class costs, by its name; it may be nil.
	Costs func() map[string]ClassCost
	// FirewallStatusFile is where the firewall reports what is in force, and why it refused a document. NamespaceFile
	// keeps in which network namespace a report was believed; empty if that does not matter.
	FirewallStatusFile, NamespaceFile string
	// Reported gets each new report of the firewall. It may be nil.
	Reported func(contract.FirewallStatus)
	// HealthAddress is where /healthz and /readyz are served; they are not when it is empty.
	HealthAddress string
	// HealthControl prepares the socket of HealthAddress, as in net.ListenConfig. It may be nil.
	HealthControl func(network, address string, socket syscall.RawConn) error
	// Metrics serves the unit's metrics until the context ends; they are not served when it is nil.
	Metrics func(context.Context) error
	// Now is the unit's clock. Stopped is set when it found that the machine was stopped together with its boot clock; it
	// may be nil.
	Now     func() time.Duration
	Stopped notify.Signal
	Log     logr.Logger
}

// Sidecar is one unit at work.
type Sidecar struct {
	config Config
	log    logr.Logger

	// machine, status, firewall, lastHolder, formerHolder, lastFailover and relinquished belong to the goroutine of Run.
	machine  ha.Machine
	status   contract.UnitStatus
	firewall firewallStatus
	// lastHolder is the last holder of the Lease, and formerHolder was the last before the current term.
	lastHolder, formerHolder ha.Incarnation
	// lastFailover records how this process became active; nil if it never did.
	lastFailover *contract.FailoverRecord
	// relinquished is when the unit last gave the role to its peer; zero if it never did.
	relinquished time.Duration

	faults      faults
	beatProblem string

	facts     chan ha.Fact
	beats     chan ha.Fact
	firewalls firewalls
	// routes is set when the firewall reports other routes as missing.
	routes       notify.Signal
	faultChanges chan faults
	// publisher writes the unit's status.
	publisher *publisher[contract.UnitStatus]
	costs     *costs
	health    health
	// workers are all goroutines but that of Run.
	workers sync.WaitGroup
	failure atomic.Pointer[error]
}

// Withdraw closes the gate and removes the addresses. A unit does so itself when it starts to run. A program that may
// fail before that calls Withdraw.
func Withdraw(ctx context.Context, g Gate, a Addresses) error {
	return errors.Join(g.Set(ctx, gate.Config{}), a.Set(ctx, addresses.Config{}))
}

// New returns a unit. Nothing happens before Run.
func New(c Config) *Sidecar {
	s := &Sidecar{
		config:       c,
		log:          c.Log,
		machine:      ha.New(c.HA),
		facts:        make(chan ha.Fact, 64),
		beats:        make(chan ha.Fact, maxBeats),
		firewalls:    newFirewalls(),
		routes:       notify.New(),
		faultChanges: make(chan faults),
	}
	s.costs = newCosts(c.Costs)
	unit := &recorder{store: c.Status, connections: c.Connections, costs: s.costs, now: time.Now, log: c.Log}
	s.publisher = newPublisher(unit.write, c.Log)
	s.health = health{now: c.Now}
	return s
}

// Run runs the unit until the context ends and the unit has handed over or released what it held, or until a part of
// it fails, which ends the unit in the same order and returns the error. What an earlier life left on the host is
// withdrawn before anything else begins.
func (s *Sidecar) Run(ctx context.Context) error {
	// The end of the context is a wish to stop, which still takes requests, replication and a watch.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.log.Info("Starting unit", "incarnation", s.config.HA.Self, "leaseDuration", s.config.HA.LeaseDuration.String())
	s.turn(running, ha.Tick{})
	s.startWorkers(running)
	s.loop(ctx, running)
	s.awaitSuccessor()
	cancel()
	s.workers.Wait()
	s.config.Addresses.Close()
	if failure := s.failure.Load(); failure != nil {
		return *failure
	}
	return nil
}

// awaitSuccessor leaves the peer time for its promotion if this unit has just given the role away. What follows closes
// programs and sockets, and then the pod ends. For most of that the kernel waits for RCU grace periods, under its lock
// on all interfaces. A new active on the same kernel would wait with it.
func (s *Sidecar) awaitSuccessor() {
	if s.relinquished != 0 {
		time.Sleep(s.relinquished + successionTime - s.config.Now())
	}
}

// startWorkers starts everything that passes facts to the loop, or serves others.
func (s *Sidecar) startWorkers(ctx context.Context) {
	tell := func(f ha.Fact) { s.tell(ctx, f) }
	s.work(func() { s.config.Gate.Run(ctx, s.firewalls.gateRepaired) })
	s.work(func() { s.config.Lease.Watch(ctx, func(r ha.Record) { tell(ha.LeaseSeen{Record: r}) }) })
	s.work(func() { s.config.Peer.Watch(ctx, s.config.Replication.SetPeer) })
	s.work(func() { s.config.Configuration.Run(ctx) })
	if s.config.Providers != nil {
		s.work(func() { s.config.Providers.Run(ctx) })
	}
	s.followFirewall(ctx)
	s.work(func() { s.hear(ctx) })
	s.followFaults(ctx)
	s.work(func() { s.publisher.run(ctx) })
	s.work(func() { s.followCosts(ctx) })
	s.work(func() {
		if err := s.config.Replication.Run(ctx); err != nil && ctx.Err() == nil {
			tell(ha.PeerDisconnected{})
			s.fail(ctx, fmt.Errorf("replicating: %w", err))
		}
	})
	if s.config.Metrics != nil {
		s.work(func() {
			// Traffic does not depend on metrics.
			if err := s.config.Metrics(ctx); err != nil {
				s.log.Error(err, "Serving no metrics")
			}
		})
	}
	if s.config.HealthAddress == "" {
		return
	}
	s.work(func() {
		if err := s.serveHealth(ctx); err != nil {
			s.fail(ctx, fmt.Errorf("serving health on %s: %w", s.config.HealthAddress, err))
		}
	})
}

func (s *Sidecar) work(do func()) { s.workers.Go(do) }

// tell passes a fact to the loop. It waits while the loop is busy, and gives up when the unit ends.
func (s *Sidecar) tell(ctx context.Context, f ha.Fact) {
	select {
	case s.facts <- f:
	case <-ctx.Done():
	}
}

// fail ends the unit in order because a part of it has ended.
func (s *Sidecar) fail(ctx context.Context, err error) {
	s.log.Error(err, "Stopping unit because a part of it failed")
	s.failure.CompareAndSwap(nil, &err)
	s.tell(ctx, ha.StopRequested{Deadline: s.config.Now() + StopBudget})
}
