package pair

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/replication/engine"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/frr"
)

const (
	pairName      = "edge"
	pairNamespace = "testbed"
	syncPort      = 7780
	primary       = "primary"
	secondary     = "secondary"
)

// Options configure a pair.
type Options struct {
	// WithoutReplication leaves connection tracking out.
	WithoutReplication bool
	// RecordsPerSecond and BytesPerSecond throttle replication. Zero means no limit.
	RecordsPerSecond, BytesPerSecond int
	// Flood replicates a number of generated entries instead of connection tracking.
	Flood int
	// AuditInterval is the time between two comparisons of the tables. Zero means no audits.
	AuditInterval time.Duration
	// Replicated are the classes that are replicated besides connection tracking.
	Replicated []state.Class
	// Providers serves the local API at each unit, see Unit.Socket. WithoutProvided leaves what providers publish out of
	// replication.
	Providers, WithoutProvided bool
	// Document is what the default firewall of each unit enforces, with state at the local API; without one, no firewall
	// runs. It needs Providers.
	Document string
	// VPNSecret has the entries of the Secret for the VPN of Document. Each unit then has an IKE daemon.
	VPNSecret map[string]string
	// RoutingRoot has the files of the image routing: each unit has routing daemons. Empty without them.
	RoutingRoot frr.Root
	// LinkLocal adds testbed.VirtualLinkLocal to the virtual addresses.
	LinkLocal bool
	// SecondWAN adds a WAN with the interface wan1 and virtual addresses. The units then have the routes and rules of a
	// data plane.
	SecondWAN bool
	// Gate puts the gate of a sidecar on each router. Without it, the router of a standby still forwards multicast.
	Gate bool
	// Record keeps what each unit gives to the stream, for Recorded.
	Record bool
}

// Pair is a network whose routers are units, each with its replication in a process of its own. Only the test decides
// which unit is active.
type Pair struct {
	*testbed.Network
	Active, Standby *Unit
	t               testing.TB
	options         Options
	directory       string
	term            uint64
}

// New starts a pair and returns when it is in sync. The primary is active and has the virtual addresses.
func New(t testing.TB, options Options) *Pair {
	t.Helper()
	p := &Pair{Network: testbed.NewNetwork(t), t: t, options: options, directory: t.TempDir(), term: 1}
	if options.SecondWAN {
		p.AddWAN(t)
	}
	p.issue()
	p.Active = p.Start(primary)
	p.Standby = p.Start(secondary)
	p.Standby.Join(p.term)
	p.Active.Become(engine.RoleActive, p.term)
	p.Active.Attach()
	p.AwaitSync()
	return p
}

// issue writes certificates for both units.
func (p *Pair) issue() {
	p.t.Helper()
	authority, err := credentials.NewAuthority(credentials.Domain(pairName, pairNamespace), time.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	for _, unit := range []string{primary, secondary} {
		pair, err := credentials.Issue(authority, credentials.UnitName(unit, pairName, pairNamespace), time.Now())
		if err == nil {
			err = os.MkdirAll(filepath.Join(p.directory, unit), 0o700)
		}
		for name, text := range map[string][]byte{
			"tls.crt": pair.Certificate, "tls.key": pair.Key, "ca.crt": authority.Certificate,
		} {
			if err == nil {
				err = os.WriteFile(filepath.Join(p.directory, unit, name), text, 0o600)
			}
		}
		if err != nil {
			p.t.Fatalf("Issuing certificate of %s: %v", unit, err)
		}
	}
}

// AwaitSync waits until both units report that they are in sync.
func (p *Pair) AwaitSync() {
	p.t.Helper()
	testbed.Eventually(p.t, "the pair is in sync", func() bool {
		return p.Active.Status().InSync && p.Standby.Status().InSync
	})
}

// Switchover performs a planned change of the active unit. It returns the time from closing one router to opening the
// other.
func (p *Pair) Switchover() time.Duration {
	p.t.Helper()
	p.term++
	old, next := p.Active, p.Standby
	old.Flush()
	start := time.Now()
	old.Withdraw()
	old.Relinquish(p.term)
	next.Await("PeerRelinquished")
	next.Commit()
	next.Become(engine.RoleActive, p.term)
	next.Attach()
	took := time.Since(start)
	old.Become(engine.RoleStandby, p.term)
	p.Active, p.Standby = next, old
	return took
}

// Failover cuts the active's power and lets the standby take over at once. It returns the time from the order to the
// standby until its router was open.
func (p *Pair) Failover() time.Duration {
	p.t.Helper()
	p.term++
	p.CutPower(p.t, p.Active.namespace)
	p.Active.Kill()
	start := time.Now()
	p.Standby.Commit()
	p.Standby.Become(engine.RoleActive, p.term)
	p.Standby.Attach()
	took := time.Since(start)
	p.Active, p.Standby = p.Standby, nil
	return took
}

var incarnations atomic.Uint64

// Unit is one unit's process.
type Unit struct {
	Name      string
	t         testing.TB
	namespace *testbed.Namespace
	providers string // the directory of their sockets
	firewall  *testbed.Program
	vpn       *testbed.Program
	routing   *testbed.Program
	document  string // the file with the firewall's document
	status    string // the file with the firewall's report
	command   *exec.Cmd
	input     io.WriteCloser
	ended     chan struct{}
	outcome   error // once ended
	killed    atomic.Bool

	mu      sync.Mutex
	lastID  uint64
	answers map[uint64]chan report
	events  []report
}

// Start starts a unit's process.
func (p *Pair) Start(name string) *Unit {
	p.t.Helper()
	s := setup{
		Unit: primary, Peer: secondary, PeerAddress: testbed.SecondarySync,
		ListenAddress: net.JoinHostPort(testbed.PrimarySync, strconv.Itoa(syncPort)),
		Incarnation:   fmt.Sprintf("%s/%d", name, incarnations.Add(1)), TLSDirectory: filepath.Join(p.directory, name),
		Replicate: !p.options.WithoutReplication, RecordsPerSecond: p.options.RecordsPerSecond,
		BytesPerSecond: p.options.BytesPerSecond, Flood: p.options.Flood,
		AuditInterval: p.options.AuditInterval, Replicated: p.options.Replicated, Gate: p.options.Gate,
		LinkLocal: p.options.LinkLocal, SecondWAN: p.options.SecondWAN, HasTunnels: len(p.options.VPNSecret) > 0,
	}
	if p.options.Providers {
		s.ProvidersDirectory, s.WithoutProvided = p.providersOf(name), p.options.WithoutProvided
	}
	if p.options.Record {
		s.Recording = p.recordingOf(name)
	}
	namespace := p.Primary
	if name == secondary {
		s.Unit, s.Peer, s.PeerAddress, s.ListenAddress = secondary, primary, testbed.PrimarySync, ""
		namespace = p.Secondary
	}
	text, err := json.Marshal(s)
	if err != nil {
		p.t.Fatal(err)
	}
	u := &Unit{
		Name: name, t: p.t, namespace: namespace, command: exec.Command("/proc/self/exe"),
		providers: s.ProvidersDirectory,
		ended:     make(chan struct{}), answers: map[uint64]chan report{},
	}
	u.command.Env = append(os.Environ(), setupVariable+"="+string(text))
	u.start()
	if p.options.Document != "" {
		p.startFirewall(u)
	}
	if len(p.options.VPNSecret) > 0 {
		p.startVPN(u)
	}
	if p.options.RoutingRoot != "" {
		p.startRouting(u)
	}
	return u
}

func (u *Unit) start() {
	u.t.Helper()
	input, err := u.command.StdinPipe()
	if err != nil {
		u.t.Fatal(err)
	}
	output, err := u.command.StdoutPipe()
	if err != nil {
		u.t.Fatal(err)
	}
	u.input = input
	u.command.Stderr = logTo{u.t}
	if err := u.namespace.Start(u.command); err != nil {
		u.t.Fatalf("Starting %s: %v", u.Name, err)
	}
	go u.read(output)
	u.t.Cleanup(func() {
		_ = u.input.Close() // ends the process
		select {
		case <-u.ended:
		case <-time.After(testbed.Timeout):
			u.t.Errorf("%s did not end", u.Name)
			u.Kill()
			return
		}
		if u.outcome != nil && !u.killed.Load() {
			u.t.Errorf("%s ended with %v, see its log", u.Name, u.outcome)
		}
	})
}

// read reads the reports of the process until it ends.
func (u *Unit) read(output io.Reader) {
	defer close(u.ended)
	decoder := json.NewDecoder(output)
	for {
		var r report
		if decoder.Decode(&r) != nil {
			break
		}
		u.mu.Lock()
		if r.ID == 0 {
			u.events = append(u.events, r)
		} else {
			u.answers[r.ID] <- r
			delete(u.answers, r.ID)
		}
		u.mu.Unlock()
	}
	u.outcome = u.command.Wait()
}

// logTo writes a process's log to the test's log.
type logTo struct{ t testing.TB }

func (l logTo) Write(b []byte) (int, error) {
	l.t.Logf("%s", b)
	return len(b), nil
}

func (u *Unit) order(o order) (report, error) {
	answer := make(chan report, 1)
	u.mu.Lock()
	u.lastID++
	o.ID, o.Wait = u.lastID, testbed.Timeout
	u.answers[o.ID] = answer
	u.mu.Unlock()
	text, err := json.Marshal(o)
	if err != nil {
		return report{}, err
	}
	if _, err := u.input.Write(append(text, '\n')); err != nil {
		return report{}, err
	}
	select {
	case r := <-answer:
		if r.Error != "" {
			return r, errors.New(r.Error)
		}
		return r, nil
	case <-u.ended:
		return report{}, errors.New("the process has ended")
	}
}

func (u *Unit) must(o order) report {
	u.t.Helper()
	r, err := u.order(o)
	if err != nil {
		u.t.Fatalf("Ordering %s to %s: %v", u.Name, o.Do, err)
	}
	return r
}

// Router returns the network namespace of the unit.
func (u *Unit) Router() *testbed.Namespace { return u.namespace }

// PID returns the ID of the unit's process.
func (u *Unit) PID() int { return u.command.Process.Pid }

// Become gives the unit a role.
func (u *Unit) Become(role engine.Role, term uint64) {
	u.t.Helper()
	u.must(order{Do: doBecome, Role: role, Term: term})
}

// Join makes the unit a standby that forwards nothing.
func (u *Unit) Join(term uint64) {
	u.t.Helper()
	u.Withdraw()
	u.Become(engine.RoleStandby, term)
}

// Flush waits until the peer has every change.
func (u *Unit) Flush() { u.t.Helper(); u.must(order{Do: doFlush}) }

// Commit writes everything received to the unit's kernel.
func (u *Unit) Commit() { u.t.Helper(); u.must(order{Do: doCommit}) }

// Relinquish gives up the right to forward.
func (u *Unit) Relinquish(term uint64) { u.t.Helper(); u.must(order{Do: doRelinquish, Term: term}) }

// Attach opens the router, adds the virtual addresses and announces them.
func (u *Unit) Attach() { u.t.Helper(); u.must(order{Do: doAttach}) }

// Withdraw closes the router and removes the virtual addresses.
func (u *Unit) Withdraw() { u.t.Helper(); u.must(order{Do: doWithdraw}) }

// Status returns the status of the unit's replication.
func (u *Unit) Status() engine.Status {
	u.t.Helper()
	return *u.must(order{Do: doStatus}).Status
}

// SendHeartbeats makes the unit send heartbeats at an interval, and returns at once. The returned function waits until
// all are sent, and describes them.
func (u *Unit) SendHeartbeats(interval time.Duration, count int) func() SentHeartbeats {
	var beats *SentHeartbeats
	done := make(chan error, 1)
	go func() {
		r, err := u.order(order{Do: doSendHeartbeats, Interval: interval, Count: count})
		beats = r.Sent
		done <- err
	}()
	return func() SentHeartbeats {
		u.t.Helper()
		if err := <-done; err != nil {
			u.t.Fatalf("Heartbeats of %s: %v", u.Name, err)
		}
		return *beats
	}
}

// TakeReceived returns the heartbeats that the unit received since the last call.
func (u *Unit) TakeReceived() ReceivedHeartbeats {
	u.t.Helper()
	return *u.must(order{Do: doTakeReceived}).Received
}

// Flood opens or closes the flood of changing entries. It returns how many records the unit has received so far.
func (u *Unit) Flood(open bool) uint64 {
	u.t.Helper()
	return u.must(order{Do: doFlood, Open: open}).Flood
}

// Renew begins a new term with the same roles, for which the active sends everything to the standby again.
func (p *Pair) Renew() {
	p.t.Helper()
	p.term++
	p.Standby.Become(engine.RoleStandby, p.term)
	p.Active.Become(engine.RoleActive, p.term)
}

// Await waits until the unit has reported an event of that name, and discards the events up to it.
func (u *Unit) Await(event string) {
	u.t.Helper()
	testbed.Eventually(u.t, u.Name+" reports "+event, func() bool {
		u.mu.Lock()
		defer u.mu.Unlock()
		for i, r := range u.events {
			if r.Event == event {
				u.events = u.events[i+1:]
				return true
			}
		}
		return false
	})
}

// Kill kills the process, and the unit's firewall, IKE daemon and routing daemons.
func (u *Unit) Kill() {
	u.vpn.Kill()
	u.routing.Kill()
	u.firewall.Kill()
	u.killed.Store(true)
	_ = u.command.Process.Kill() // it may have ended already
	<-u.ended
}

// Return starts a unit that lost its power as the standby, and waits until it is in sync. Its kernel has no
// connections, as after a boot.
func (p *Pair) Return() {
	p.t.Helper()
	name, namespace := primary, p.Primary
	if p.Active.Name == primary {
		name, namespace = secondary, p.Secondary
	}
	p.RestorePower(p.t, namespace)
	p.Standby = p.Start(name)
	p.Standby.Join(p.term)
	p.AwaitSync()
}

// ForwardKnownOnly stops a unit from accepting new connections, so that it forwards only connections that were
// replicated to it.
func (p *Pair) ForwardKnownOnly(u *Unit) {
	p.t.Helper()
	u.namespace.Firewall(p.t, testbed.KnownOnlyRules)
}
