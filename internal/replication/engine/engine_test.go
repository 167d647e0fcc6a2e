package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/testr"
	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/replication/peer"
	"github.com/hapair-io/hapair/internal/replication/receiver"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/internal/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// network connects engines by pipes, at any address.
type network struct {
	mu       sync.Mutex
	incoming chan net.Conn
	closed   chan struct{}
	conns    []net.Conn
	down     bool
	frozen   atomic.Bool
}

// freezing is one end of a connection. What is written while the network is frozen is lost, as it is on the way to a
// unit without power.
type freezing struct {
	net.Conn
	network *network
	remote  netip.AddrPort
}

func (f freezing) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(f.remote) }

// dialler is the address that the unit dials from, as a socket of both families returns it.
var dialler = netip.MustParseAddrPort("[::ffff:192.0.2.9]:40000")

func (f freezing) Write(b []byte) (int, error) {
	if f.network.frozen.Load() {
		return len(b), nil
	}
	return f.Conn.Write(b)
}

func newNetwork() *network {
	return &network{incoming: make(chan net.Conn), closed: make(chan struct{})}
}

func (n *network) Listen(context.Context, string) (net.Listener, error) { return n, nil }

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.incoming:
		return c, nil
	case <-n.end():
		return nil, net.ErrClosed
	}
}

// end returns a channel that is closed with the listener.
func (n *network) end() chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.closed
}

func (n *network) reopen() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = make(chan struct{})
}

func (n *network) Addr() net.Addr { return &net.TCPAddr{} }

func (n *network) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-n.closed:
	default:
		close(n.closed)
	}
	return nil
}

func (n *network) Dial(ctx context.Context, address string) (net.Conn, error) {
	n.mu.Lock()
	down := n.down
	n.mu.Unlock()
	if down {
		return nil, errors.New("the network is down")
	}
	pipeA, pipeB := net.Pipe()
	a, b := freezing{pipeA, n, dialler}, freezing{pipeB, n, netip.MustParseAddrPort(address)}
	select {
	case n.incoming <- a:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-n.end():
		return nil, net.ErrClosed
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns = append(n.conns, a, b)
	return b, nil
}

// cut ends all connections, and allows no new ones until repair.
func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = true
	for _, c := range n.conns {
		_ = c.Close()
	}
	n.conns = nil
}

func (n *network) repair() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = false
}

// unit is one engine with its class, and the events that it reported.
type unit struct {
	*Engine
	memory *classtest.Memory

	mu     sync.Mutex
	events []Event
	stop   func()
}

// take reports whether an event was reported, and removes the events up to it.
func (u *unit) take(want Event) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, e := range u.events {
		if e == want {
			u.events = u.events[i+1:]
			return true
		}
	}
	return false
}

// takeMet reports whether a session with an incarnation was reported, and removes the events up to it.
func (u *unit) takeMet(incarnation string) bool {
	_, ok := u.takeMeeting(incarnation)
	return ok
}

// takeMeeting returns the event of a session with an incarnation, and removes the events up to it.
func (u *unit) takeMeeting(incarnation string) (PeerConnected, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i, e := range u.events {
		if met, ok := e.(PeerConnected); ok && met.Incarnation == incarnation {
			u.events = u.events[i+1:]
			return met, true
		}
	}
	return PeerConnected{}, false
}

// bed is a pair of engines.
type bed struct {
	t         testing.TB
	network   *network
	authority credentials.KeyPair
	primary   *unit
	secondary *unit
}

func newBed(t testing.TB, change func(*Config)) *bed {
	t.Helper()
	authority, err := credentials.NewAuthority(credentials.Domain("edge", "default"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, network: newNetwork(), authority: authority}
	b.primary = b.newUnit("primary", "secondary", change)
	b.secondary = b.newUnit("secondary", "primary", change)
	b.secondary.SetPeer(netip.MustParseAddr("192.0.2.1"))
	return b
}

func (b *bed) newUnit(name, peer string, change func(*Config)) *unit {
	b.t.Helper()
	u := &unit{memory: classtest.NewMemory(state.ConnectionCache)}
	config := Config{
		Pair: "edge", Namespace: "default", Unit: name, Peer: peer, Incarnation: name + "/1", PeerPort: 7780,
		TLS: b.credentials(name, peer), Classes: []class.Class{u.memory.Class()}, Network: b.network,
		AuditInterval: auditInterval,
		Log:           testr.NewWithInterface(b.t, testr.Options{}).WithName(name),
	}
	if name == "primary" {
		config.ListenAddress = ":7780"
	}
	if change != nil {
		change(&config)
	}
	engine, err := New(config)
	if err != nil {
		b.t.Fatal(err)
	}
	u.Engine = engine
	return u
}

func (b *bed) credentials(name, peer string) transport.Source {
	b.t.Helper()
	pair, err := credentials.Issue(b.authority, credentials.UnitName(name, "edge", "default"), time.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		b.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(b.authority.Certificate)
	return func() (*tls.Config, error) {
		config := transport.Config(certificate, pool, credentials.UnitName(peer, "edge", "default"))
		config.Time = time.Now
		return config, nil
	}
}

// start runs an engine until the test ends or stop is called.
func (b *bed) start(u *unit) {
	ctx, cancel := context.WithCancel(b.t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := u.Run(ctx); err != nil {
			b.t.Errorf("Running %s: %v", u.config.Unit, err)
		}
	})
	running.Go(func() {
		for {
			select {
			case e := <-u.Events():
				u.mu.Lock()
				u.events = append(u.events, e)
				u.mu.Unlock()
			case <-ctx.Done():
				return
			}
		}
	})
	u.stop = func() {
		cancel()
		running.Wait()
	}
}

func (b *bed) startBoth() {
	b.start(b.primary)
	b.start(b.secondary)
}

func (b *bed) stopBoth() {
	b.primary.stop()
	b.secondary.stop()
}

// eventually waits for a condition, in the time of the bubble.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for range 600 {
		if synctest.Wait(); condition() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("did not happen: %s", what)
}

func (b *bed) inSync() {
	b.t.Helper()
	eventually(b.t, "both units report that they are in sync", func() bool {
		return b.primary.Status().InSync && b.secondary.Status().InSync
	})
}

func equal(a, b *unit) bool { return maps.Equal(a.memory.Entries(), b.memory.Entries()) }

// wantEqual reports a fault unless both units hold the same entries.
func (b *bed) wantEqual(t *testing.T, fault string) {
	t.Helper()
	if !equal(b.primary, b.secondary) {
		t.Error(fault)
	}
}

// flush waits until the standby has acknowledged every change so far.
func (u *unit) flush(t *testing.T) {
	t.Helper()
	if err := u.Flush(deadline(t)); err != nil {
		t.Fatalf("Flushing: %v", err)
	}
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func fill(m *classtest.Memory, prefix string, n int) {
	for i := range n {
		m.Put(fmt.Sprintf("%s-%d", prefix, i), fmt.Sprint("record ", i))
	}
}

// paired runs a script on a pair in sync, with the primary as active.
func paired(t *testing.T, change func(*Config), script func(*testing.T, *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, change)
		fill(b.primary.memory, "before", 1000)
		b.startBoth()
		defer b.stopBoth()
		b.primary.Become(RoleActive, 1)
		b.secondary.Become(RoleStandby, 1)
		b.inSync()
		script(t, b)
	})
}

func TestStandbyBecomesAndStaysEqual(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		b.wantEqual(t, "the standby differs after the snapshot")
		fill(b.primary.memory, "after", 1000)
		for i := range 500 {
			b.primary.memory.Remove(fmt.Sprint("before-", i))
		}
		b.primary.flush(t)
		b.wantEqual(t, "the standby differs after a flush")
		if !b.primary.takeMet("secondary/1") || !b.primary.take(SyncChanged{InSync: true}) {
			t.Errorf("the primary reported %+v", b.primary.events)
		}
		if !b.secondary.takeMet("primary/1") || !b.secondary.take(SyncChanged{InSync: true}) {
			t.Errorf("the secondary reported %+v", b.secondary.events)
		}
	})
}

func TestUnitsLearnThePeersAddressAndTheKeysOfHeartbeats(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		meet := func() (primary, secondary PeerConnected) {
			t.Helper()
			var both [2]bool
			primary, both[0] = b.primary.takeMeeting("secondary/1")
			secondary, both[1] = b.secondary.takeMeeting("primary/1")
			if both != [2]bool{true, true} {
				t.Fatalf("reported: %v", both)
			}
			if primary.Keys.ID != secondary.Keys.ID || primary.Keys.Send != secondary.Keys.Receive ||
				primary.Keys.Receive != secondary.Keys.Send || primary.Keys.Send == primary.Keys.Receive {
				t.Error("the units do not have the same two keys")
			}
			return primary, secondary
		}
		primary, secondary := meet()
		if primary.Address != netip.MustParseAddr("192.0.2.9") || secondary.Address != netip.MustParseAddr("192.0.2.1") {
			t.Errorf("the peers are at %s and %s", primary.Address, secondary.Address)
		}
		b.network.cut()
		b.network.repair()
		b.inSync()
		if again, _ := meet(); again.Keys.ID == primary.Keys.ID || again.Keys.Send == primary.Keys.Send {
			t.Error("the keys of the next session are the same")
		}
	})
}

func TestSyncPosition(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		before := b.primary.SyncPosition()
		if before == 0 || b.secondary.SyncPosition() != before {
			t.Errorf("in sync at %d and %d", before, b.secondary.SyncPosition())
		}
		fill(b.primary.memory, "after", 1000)
		b.primary.flush(t)
		synctest.Wait()
		active, standby := b.primary.Status(), b.secondary.Status()
		if active.SyncPosition <= before || standby.SyncPosition != active.SyncPosition || active.Unacknowledged != 0 {
			t.Errorf("after a flush the active is at %d with %d not acknowledged, the standby at %d",
				active.SyncPosition, active.Unacknowledged, standby.SyncPosition)
		}
		if b.primary.SyncPosition() != active.SyncPosition || b.secondary.SyncPosition() != standby.SyncPosition {
			t.Errorf("the engines return %d and %d", b.primary.SyncPosition(), b.secondary.SyncPosition())
		}
		b.network.cut()
		eventually(t, "both positions are 0", func() bool {
			return b.primary.SyncPosition() == 0 && b.secondary.SyncPosition() == 0
		})
		b.network.repair()
		b.inSync()
	})
}

func TestSnapshotPrunesWhatTheActiveDoesNotHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, nil)
		fill(b.primary.memory, "kept", 10)
		fill(b.secondary.memory, "stale", 10)
		b.startBoth()
		defer b.stopBoth()
		b.secondary.Become(RoleStandby, 1)
		b.primary.Become(RoleActive, 1)
		b.inSync()
		if !equal(b.primary, b.secondary) {
			t.Errorf("the standby has %v", b.secondary.memory.Entries())
		}
	})
}

func TestNoClassIsInSyncAtOnce(t *testing.T) {
	paired(t, func(c *Config) { c.Classes = nil }, func(t *testing.T, b *bed) {
		b.primary.flush(t)
	})
}

func TestOverrunIsRepaired(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		fill(b.primary.memory, "lost", 100)
		b.primary.memory.Remove("before-1")
		b.primary.memory.Overrun()
		b.inSync()
		eventually(t, "the standby is equal", func() bool { return equal(b.primary, b.secondary) })
	})
}

// Queue, writer, reader and receiver reuse their memory, and an overrun ends a snapshot under way.
func TestOverrunsInAFloodCorruptNothing(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		for round := range 20 {
			for i := range 2000 {
				key := fmt.Sprint("entry ", i)
				if i%7 == round%7 {
					b.primary.memory.Remove(key)
				} else {
					b.primary.memory.Put(key, fmt.Sprintf("record %d of round %d", i, round))
				}
				if i == 100*round {
					b.primary.memory.Overrun()
				}
			}
			time.Sleep(50 * time.Millisecond)
		}
		b.inSync()
		b.primary.flush(t)
		b.wantEqual(t, "the standby differs")
	})
}

func TestFailedSinkIsRepaired(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		b.secondary.memory.Fail(errors.New("the kernel does not answer"))
		fill(b.primary.memory, "after", 10)
		eventually(t, "the active learns of it", func() bool { return b.primary.take(SyncChanged{InSync: false}) })
		time.Sleep(time.Minute)
		b.secondary.memory.Fail(nil)
		b.inSync()
		eventually(t, "the standby is equal", func() bool { return equal(b.primary, b.secondary) })
		if n := b.primary.Status().Resyncs; n < 2 || n > 15 {
			t.Errorf("%d snapshots in a minute of failure, want about ten", n)
		}
	})
}

func TestRefusedEntryDoesNotStopOthers(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		b.primary.memory.Put("bad", "!")
		b.primary.memory.Put("good", "record")
		b.primary.flush(t)
		if b.secondary.memory.Entries()["good"] != "record" || !b.primary.Status().InSync {
			t.Error("a refused entry stopped others")
		}
	})
}

func TestFullTableIsReportedAndFilledLater(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		b.secondary.memory.Limit(1010)
		fill(b.primary.memory, "after", 20)
		eventually(t, "the secondary reports it", func() bool {
			return b.secondary.take(SinkFull{Class: state.ConnectionCache.String()})
		})
		if equal(b.primary, b.secondary) {
			t.Error("a full memory accepted everything")
		}
		b.secondary.memory.Limit(0)
		time.Sleep(receiver.CapacityRetryInterval)
		b.primary.memory.Put("later", "record") // a change makes it try again
		eventually(t, "the secondary has room again", func() bool { return b.secondary.take(SinkFull{}) })
		eventually(t, "the standby is equal", func() bool { return equal(b.primary, b.secondary) })
		if resyncs := b.primary.Status().Resyncs; resyncs != 1 {
			t.Errorf("%d snapshots, want 1", resyncs)
		}
	})
}

func TestStandbyKeepsEntriesWithoutASession(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		b.network.cut()
		eventually(t, "both notice", func() bool {
			return !b.primary.Status().Connected && !b.secondary.Status().Connected
		})
		b.wantEqual(t, "the standby lost entries with the session")
		if !b.secondary.take(SyncChanged{InSync: false}) {
			t.Error("the secondary still reports that it is in sync")
		}
		if err := b.primary.Flush(deadline(t)); !errors.Is(err, ErrNoStandby) {
			t.Errorf("Flushing without a standby: %v", err)
		}
		b.primary.memory.Remove("before-1")
		b.network.repair()
		b.inSync()
		b.wantEqual(t, "the standby differs after the session came back")
	})
}

func TestSwitchoverSwapsRolesOnTheSameSession(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		for term := uint64(2); term < 6; term++ {
			active, standby := b.primary, b.secondary
			if term%2 == 1 {
				active, standby = standby, active
			}
			if err := active.Flush(deadline(t)); err != nil {
				t.Fatalf("Flushing before term %d: %v", term, err)
			}
			active.memory.Put(fmt.Sprint("last of ", term-1), "since the flush")
			if err := active.Relinquish(deadline(t), term, 100+term); err != nil {
				t.Fatalf("Relinquishing for term %d: %v", term, err)
			}
			eventually(t, "the standby reports it", func() bool {
				return standby.take(PeerRelinquished{Term: term, Sequence: 100 + term})
			})
			if !standby.Status().InSync {
				t.Error("the standby is out of sync when it takes over")
			}
			if !equal(active, standby) {
				t.Error("changes were not sent before the role was given up")
			}
			if err := standby.Commit(deadline(t)); err != nil {
				t.Fatalf("Committing: %v", err)
			}
			active.memory.Put("late", "of a unit that has given up its role")
			standby.Become(RoleActive, term)
			active.Become(RoleStandby, term)
			b.inSync()
			if !equal(active, standby) {
				t.Errorf("the units differ in term %d", term)
			}
			if standby.memory.Entries()["late"] != "" {
				t.Error("state of the older term was applied")
			}
			eventually(t, "the commit is carried out", func() bool { return standby.memory.Committed() > 0 })
		}
		if b.primary.take(PeerDisconnected{}) || !b.primary.Status().Connected {
			t.Error("the session ended during the switchovers")
		}
	})
}

func TestClassesArePreparedBeforeTheCommitReturns(t *testing.T) {
	promoted := 0
	failing := errors.New("not prepared")
	c := classtest.NewMemory(state.FTP).Class()
	c.Promote = func(context.Context) error {
		promoted++
		return failing
	}
	e, err := New(Config{
		Pair: "edge", Namespace: "default", Unit: "primary", Peer: "secondary", Incarnation: "primary/1", PeerPort: 7780,
		TLS:     func() (*tls.Config, error) { return nil, errors.New("no session is wanted") },
		Classes: []class.Class{classtest.NewMemory(state.ConnectionCache).Class(), c}, Log: logr.Discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Commit(t.Context()); !errors.Is(err, failing) || promoted != 1 {
		t.Errorf("got %v after %d calls, want the error of one", err, promoted)
	}
	failing = nil
	if err := e.Commit(t.Context()); err != nil || promoted != 2 {
		t.Errorf("got %v after %d calls, want success of the second", err, promoted)
	}
}

func TestReturningPeerReceivesTheState(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		b.primary.stop() // without power
		eventually(t, "the secondary notices", func() bool { return !b.secondary.Status().Connected })
		if err := b.secondary.Commit(deadline(t)); err != nil {
			t.Fatalf("Committing: %v", err)
		}
		b.secondary.Become(RoleActive, 2)
		b.secondary.memory.Put("new", "in term 2")
		b.secondary.memory.Remove("before-7")

		b.network.reopen()
		again := b.newUnit("primary", "secondary", func(c *Config) { c.Incarnation = "primary/2" })
		fill(again.memory, "left over", 3)
		again.Become(RoleStandby, 2)
		b.primary = again
		b.start(again)
		b.inSync()
		b.wantEqual(t, "the returning unit differs")
		if !b.secondary.takeMet("primary/2") {
			t.Error("the new incarnation was not reported")
		}
	})
}

func TestActiveOfAnOlderTermIsRefused(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		b.secondary.Become(RoleStandby, 5) // it has learned of a newer term than the primary, which was cut off
		b.primary.memory.Put("late", "of term 1")
		time.Sleep(time.Minute)
		synctest.Wait()
		if b.secondary.memory.Entries()["late"] != "" {
			t.Error("state of term 1 was applied in term 5")
		}
		if b.primary.Status().InSync || b.secondary.Status().InSync {
			t.Error("the units report that they are in sync")
		}
		b.primary.Become(RoleActive, 6)
		b.inSync()
		b.wantEqual(t, "the standby differs in term 6")
	})
}

func TestThrottleOfBytesIsSetWhileItRuns(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		const records, size = 1000, 1000
		put := func(prefix string) time.Duration {
			start := time.Now()
			for i := range records {
				b.primary.memory.Put(fmt.Sprintf("%s-%d", prefix, i), strings.Repeat("x", size))
			}
			eventually(t, "the standby is equal", func() bool { return equal(b.primary, b.secondary) })
			return time.Since(start)
		}
		for _, c := range []struct {
			bytesPerSecond int
			atLeast, most  time.Duration
		}{
			{100_000, 10 * time.Second, 12 * time.Second},
			{0, 0, time.Second},
			{50_000, 20 * time.Second, 24 * time.Second},
		} {
			if err := b.primary.SetLimits(Limits{BytesPerSecond: c.bytesPerSecond}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // the burst is available again
			if took := put(fmt.Sprint(c.bytesPerSecond)); took < c.atLeast || took > c.most {
				t.Errorf("%d bytes at %d a second took %s", records*size, c.bytesPerSecond, took)
			}
		}
		if err := b.primary.SetLimits(Limits{BytesPerSecond: -1}); err == nil {
			t.Error("a negative limit was accepted")
		}
	})
}

func TestThrottleDelaysButDropsNothing(t *testing.T) {
	paired(t, func(c *Config) { c.Limits.RecordsPerSecond = 1000 }, func(t *testing.T, b *bed) {
		start := time.Now()
		fill(b.primary.memory, "after", 5000)
		eventually(t, "the standby is equal", func() bool { return equal(b.primary, b.secondary) })
		if took := time.Since(start); took < 3*time.Second || took > 7*time.Second {
			t.Errorf("5000 records at 1000 a second took %s", took)
		}
		fill(b.primary.memory, "priority", 5000)
		start = time.Now()
		b.primary.flush(t)
		if took := time.Since(start); took > time.Second {
			t.Errorf("a flush waited %s for the throttle", took)
		}
	})
}

func TestMovedPeerIsFollowed(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		b.secondary.SetPeer(netip.MustParseAddr("192.0.2.2"))
		eventually(t, "the primary reports it", func() bool {
			return b.primary.takeMet("secondary/1")
		})
		b.inSync()
		b.secondary.SetPeer(netip.Addr{})
		eventually(t, "nobody is dialled", func() bool { return !b.secondary.Status().Connected })
		time.Sleep(time.Minute)
		if b.secondary.Status().Connected {
			t.Error("a peer of unknown address was dialled")
		}
	})
}

func TestNewestConnectionWins(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		other := b.newUnit("secondary", "primary", func(c *Config) { c.Incarnation = "secondary/2" })
		other.SetPeer(netip.MustParseAddr("192.0.2.1"))
		b.secondary.SetPeer(netip.Addr{}) // the old one will not dial again
		b.start(other)
		defer other.stop()
		other.Become(RoleStandby, 1)
		eventually(t, "the new incarnation is in sync", func() bool { return other.Status().InSync })
		if got := b.primary.Status().PeerIncarnation; got != "secondary/2" {
			t.Errorf("the primary is connected with %s", got)
		}
	})
}

func TestStrangersAreRefused(t *testing.T) {
	for name, credentials := range map[string]func(*bed) transport.Source{
		"of another authority": func(b *bed) transport.Source { return newBed(b.t, nil).credentials("secondary", "primary") },
		"of the same unit":     func(b *bed) transport.Source { return b.credentials("primary", "primary") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBed(t, nil)
				stranger := b.newUnit("secondary", "primary", nil)
				stranger.config.TLS = credentials(b)
				stranger.SetPeer(netip.MustParseAddr("192.0.2.1"))
				b.secondary = stranger
				b.startBoth()
				defer b.stopBoth()
				time.Sleep(time.Minute)
				if b.primary.Status().Connected || stranger.Status().Connected {
					t.Error("a stranger was accepted")
				}
			})
		})
	}
}

func TestSilentPeerTimesOut(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		b.network.frozen.Store(true)
		start := time.Now()
		eventually(t, "both give up", func() bool { return !b.primary.Status().Connected && !b.secondary.Status().Connected })
		if took := time.Since(start); took < peer.SilenceTimeout || took > peer.SilenceTimeout+peer.PingInterval {
			t.Errorf("it took %s", took)
		}
	})
}

func TestStandbyIsRefreshedDaily(t *testing.T) {
	paired(t, nil, func(t *testing.T, b *bed) {
		time.Sleep(class.RefreshInterval + time.Minute)
		synctest.Wait()
		if standby, active := b.secondary.memory.Refreshed(), b.primary.memory.Refreshed(); standby != 1 || active != 0 {
			t.Errorf("refreshed %d times on the standby, %d on the active", standby, active)
		}
	})
}
