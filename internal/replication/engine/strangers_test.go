package engine

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/replication/transport"
)

// localNetwork is a network of real TCP connections. The primary listens on a free port of 127.0.0.1, from where the
// secondary dials it too.
type localNetwork struct {
	transport.TCP
	listening chan struct{}
	address   string
}

func (l *localNetwork) Listen(ctx context.Context, _ string) (net.Listener, error) {
	listener, err := l.TCP.Listen(ctx, "127.0.0.1:0")
	if err == nil {
		l.address = listener.Addr().String()
		close(l.listening)
	}
	return listener, err
}

func (l *localNetwork) Dial(ctx context.Context, _ string) (net.Conn, error) {
	return l.TCP.Dial(ctx, l.address)
}

// attack opens connections to the primary until the test ends. Each attacker repeats act with a new connection.
type attack struct {
	attackers int
	// from returns the address of an attacker.
	from func(attacker int) string
	act  func(context.Context, *bed, net.Conn)
}

// start starts the attackers, and returns a function that ends them.
func (a attack) start(t *testing.T, b *bed, target string) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	var opened atomic.Int64
	for i := range a.attackers {
		dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(a.from(i))}, Timeout: time.Second}
		running.Go(func() {
			for ctx.Err() == nil {
				connection, err := dialer.DialContext(ctx, "tcp", target)
				if err != nil {
					continue
				}
				opened.Add(1)
				ended := context.AfterFunc(ctx, func() { _ = connection.Close() })
				a.act(ctx, b, connection)
				ended()
				_ = connection.Close()
			}
		})
	}
	for opened.Load() < int64(a.attackers) {
		time.Sleep(time.Millisecond)
	}
	return func() { cancel(); running.Wait() }
}

// beSilent waits until the server closes the connection.
func beSilent(_ context.Context, _ *bed, c net.Conn) { _, _ = c.Read(make([]byte, 1)) }

// dribble sends the beginning of a TLS record, and then a byte now and then.
func dribble(_ context.Context, _ *bed, c net.Conn) {
	_, err := c.Write([]byte{22, 3, 1, 64, 0, 1, 0, 63, 252})
	for err == nil {
		time.Sleep(20 * time.Millisecond)
		_, err = c.Write([]byte{0})
	}
}

// shake makes whole handshakes, with a certificate of the wrong unit.
func shake(ctx context.Context, b *bed, c net.Conn) {
	config, err := b.credentials("primary", "primary")()
	if err != nil {
		return
	}
	if secured := tls.Client(c, config); secured.HandshakeContext(ctx) == nil {
		_, _ = secured.Read(make([]byte, 1))
	}
	time.Sleep(5 * time.Millisecond) // the attackers must not be what takes the processors
}

func oneSource(int) string     { return "127.0.0.66" }
func manySources(i int) string { return netip.AddrFrom4([4]byte{127, 0, 66, byte(i + 1)}).String() }
func peersSource(int) string   { return "127.0.0.1" }

func TestStrangersDoNotKeepThePeerOut(t *testing.T) {
	for name, test := range map[string]struct {
		attack      attack
		unknownPeer bool // the primary does not know the peer's address
	}{
		"connections that say nothing":                         {attack: attack{8, oneSource, beSilent}},
		"many sources that say nothing":                        {attack: attack{200, manySources, beSilent}},
		"connections that dribble bytes":                       {attack: attack{50, manySources, dribble}},
		"handshakes with a wrong certificate":                  {attack: attack{8, manySources, shake}},
		"silent connections while the peer's address is new":   {attack{8, oneSource, beSilent}, true},
		"dribbled connections while the peer's address is new": {attack{8, oneSource, dribble}, true},
		"silent connections from the address of the peer":      {attack: attack{2, peersSource, beSilent}},
	} {
		t.Run(name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			network := &localNetwork{listening: make(chan struct{})}
			b := newBed(t, func(c *Config) {
				c.Network = network
				if c.Unit == "primary" {
					c.Metrics = NewMetrics(registry)
				}
			})
			b.secondary.SetPeer(netip.MustParseAddr("127.0.0.1"))
			if !test.unknownPeer {
				b.primary.SetPeer(netip.MustParseAddr("127.0.0.1"))
			}
			b.start(b.primary)
			defer b.primary.stop()
			<-network.listening
			start := time.Now()
			stop := test.attack.start(t, b, network.address)
			defer stop()
			b.start(b.secondary)
			defer b.secondary.stop()
			for !b.primary.Status().Connected {
				if time.Since(start) > 20*time.Second {
					t.Fatal("strangers kept the peer out")
				}
				time.Sleep(5 * time.Millisecond)
			}
			t.Logf("Connected %s after the attack began", time.Since(start).Round(time.Millisecond))
			for range 20 {
				time.Sleep(10 * time.Millisecond)
				if !b.primary.Status().Connected {
					t.Fatal("strangers ended the session")
				}
			}
			allowed := handshakeBurst + handshakesPerSecond*(1+time.Since(start).Seconds())
			if failed := refusals(t, registry, "Failed"); failed > allowed {
				t.Errorf("%v handshakes, want at most %v", failed, allowed)
			}
		})
	}
}

// refusals returns the number of connections that were refused for a reason.
func refusals(t *testing.T, registry *prometheus.Registry, reason string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "hapair_replication_refused_connections_total" {
			continue
		}
		for _, m := range family.Metric {
			if m.Label[0].GetValue() == reason {
				return m.Counter.GetValue()
			}
		}
	}
	t.Fatal("there is no such metric")
	return 0
}

func TestStrangersShareAFewPlaces(t *testing.T) {
	registry := prometheus.NewRegistry()
	network := &localNetwork{listening: make(chan struct{})}
	b := newBed(t, func(c *Config) {
		c.Network = network
		if c.Unit == "primary" {
			c.Metrics = NewMetrics(registry)
		}
	})
	b.start(b.primary)
	defer b.primary.stop()
	<-network.listening
	const clients = 5 * strangerPlaces
	var closed atomic.Int64
	var running sync.WaitGroup
	for range clients {
		connection, err := net.Dial("tcp", network.address)
		if err != nil {
			t.Fatal(err)
		}
		defer running.Wait()
		defer func() { _ = connection.Close() }()
		running.Go(func() {
			_, _ = connection.Read(make([]byte, 1))
			closed.Add(1)
		})
	}
	for start := time.Now(); closed.Load() < clients-strangerPlaces; time.Sleep(time.Millisecond) {
		if time.Since(start) > firstByteTimeout/2 {
			t.Fatalf("%d of %d silent connections were closed, want %d", closed.Load(), clients, clients-strangerPlaces)
		}
	}
	if displaced := refusals(t, registry, "Displaced"); displaced < clients-2*strangerPlaces {
		t.Errorf("%v connections were displaced", displaced)
	}
}
