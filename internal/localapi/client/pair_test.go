package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/localapi/client"
	"github.com/hapair-io/hapair/internal/localapi/server"
	"github.com/hapair-io/hapair/internal/replication/engine"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/internal/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of the tests.
const patience = 30 * time.Second

func eventually(t testing.TB, what string, isTrue func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !isTrue(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("Not in %s: %s", patience, what)
		}
	}
}

// unit has an engine and a server, as a sidecar has.
type unit struct {
	t         testing.TB
	name      string
	directory string
	replicate bool
	tables    *table.Set
	engine    *engine.Engine
	server    *server.Server
	registry  *prometheus.Registry
	stop      func()
}

// provider is the one of the tests. It runs as the user of the test.
var provider = contract.Provider{Name: "kea", UID: int64(os.Getuid()), Writes: []string{leases}}

const leases = "leases"

// heldTimeout is how long a provider of the tests may lack a change.
const heldTimeout = 500 * time.Millisecond

// lacking returns how many changes the provider has not reported.
func (u *unit) lacking(t *testing.T) float64 {
	t.Helper()
	families, err := u.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "hapair_provider_behind" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("there is no metric")
	return 0
}

// follow returns a function that reads which providers of the unit are behind.
func (u *unit) follow() func() string {
	var behind atomic.Value
	behind.Store("")
	ctx, cancel := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() { u.server.Follow(ctx, func(now string) { behind.Store(now) }) })
	u.t.Cleanup(func() {
		cancel()
		following.Wait()
	})
	return func() string { return behind.Load().(string) }
}

// pair is two units with real engines, which replicate over TLS on the loopback interface.
type pair struct {
	t                  testing.TB
	authority          credentials.KeyPair
	listener           net.Listener
	primary, secondary *unit
}

// newPair starts a pair whose primary is active in term 1, and waits until it is in sync. Without replicate, the
// engines do not have the class.
func newPair(t testing.TB, replicate bool) *pair {
	t.Helper()
	authority, err := credentials.NewAuthority(credentials.Domain("edge", "default"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{t: t, authority: authority, listener: listener}
	p.primary = p.newUnit("primary", "secondary", replicate)
	p.secondary = p.newUnit("secondary", "primary", replicate)
	p.secondary.engine.SetPeer(netip.MustParseAddr("127.0.0.1"))
	p.primary.start()
	p.secondary.start()
	p.secondary.become(engine.RoleStandby, 1)
	p.primary.promote(1)
	p.awaitSync(p.primary)
	return p
}

func (p *pair) awaitSync(active *unit) {
	p.t.Helper()
	eventually(p.t, "the pair is in sync", func() bool { return active.engine.Status().InSync })
}

// switchover makes the standby active, as the units do.
func (p *pair) switchover(from, to *unit, term uint64) {
	p.t.Helper()
	from.become(engine.RoleStandby, term)
	to.promote(term)
	p.awaitSync(to)
}

func (p *pair) newUnit(name, peer string, replicate bool) *unit {
	p.t.Helper()
	u := &unit{t: p.t, name: name, directory: p.t.TempDir(), replicate: replicate}
	u.tables = table.NewSet(state.Classes(), clock.Boot)
	var classes []class.Class
	for _, f := range u.tables.Factories() {
		if !replicate {
			break
		}
		c, err := f.New(class.Options{})
		if err != nil {
			p.t.Fatal(err)
		}
		classes = append(classes, c)
	}
	if err := os.Mkdir(filepath.Join(u.directory, provider.Name), 0o755); err != nil {
		p.t.Fatal(err)
	}
	config := engine.Config{
		Pair: "edge", Namespace: "default", Unit: name, Peer: peer, Incarnation: name + "/1",
		PeerPort: uint16(p.listener.Addr().(*net.TCPAddr).Port), TLS: p.credentials(name, peer), Classes: classes,
		Network: loopback{p.listener}, Log: logr.Discard(),
	}
	if name == "primary" {
		config.ListenAddress = ":0"
	}
	var err error
	if u.engine, err = engine.New(config); err != nil {
		p.t.Fatal(err)
	}
	return u
}

// loopback is a network that listens with a given listener.
type loopback struct{ listener net.Listener }

func (l loopback) Listen(context.Context, string) (net.Listener, error) { return l.listener, nil }

func (l loopback) Dial(ctx context.Context, _ string) (net.Conn, error) {
	return transport.TCP{}.Dial(ctx, l.listener.Addr().String())
}

func (p *pair) credentials(name, peer string) transport.Source {
	p.t.Helper()
	issued, err := credentials.Issue(p.authority, credentials.UnitName(name, "edge", "default"), time.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(issued.Certificate, issued.Key)
	if err != nil {
		p.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(p.authority.Certificate)
	return func() (*tls.Config, error) {
		return transport.Config(certificate, pool, credentials.UnitName(peer, "edge", "default")), nil
	}
}

// start starts the engine and the server until the end of the test.
func (u *unit) start() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := u.engine.Run(ctx); err != nil {
			u.t.Errorf("Running %s: %v", u.name, err)
		}
	})
	stopServer := u.serve()
	u.stop = sync.OnceFunc(func() {
		stopServer()
		cancel()
		running.Wait()
	})
	u.t.Cleanup(u.stop)
}

// serve starts a server with the tables of the unit, and returns a function that stops it.
func (u *unit) serve() (stop func()) {
	u.registry = prometheus.NewRegistry()
	u.server = server.New(server.Config{
		Pair: "edge", Namespace: "default", Unit: u.name, Directory: u.directory,
		Providers: []contract.Provider{provider}, Catalogue: state.Classes(), Tables: u.tables,
		Flush: u.engine.FlushClass, IsPeerInSync: func() bool { return u.engine.Status().InSync }, Log: logr.Discard(),
		HeldTimeout: heldTimeout, Metrics: server.NewMetrics(u.registry),
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { u.server.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// become sets the role, in the order of a sidecar.
func (u *unit) become(role engine.Role, term uint64) {
	shown := localapi.Standby
	if role == engine.RoleActive {
		shown = localapi.Active
	}
	u.server.Become(shown, term)
	u.engine.Become(role, term)
}

// promote makes the unit active.
func (u *unit) promote(term uint64) {
	u.t.Helper()
	if err := u.engine.Commit(u.t.Context()); err != nil {
		u.t.Fatal(err)
	}
	u.become(engine.RoleActive, term)
}

// client returns a client of the provider's socket.
func (u *unit) client() *client.Client {
	c := client.New(client.Config{
		Socket: server.SocketOf(u.directory, provider.Name), Log: logr.Discard(),
	})
	u.t.Cleanup(c.Close)
	return c
}
