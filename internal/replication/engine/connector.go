package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/replication/pace"
	"github.com/hapair-io/hapair/internal/replication/peer"
	"github.com/hapair-io/hapair/internal/replication/transport"
)

const (
	// A failed dial is repeated after a pause, which doubles from minRedial to maxRedial.
	minRedial = 100 * time.Millisecond
	maxRedial = time.Second
)

// Reasons for which this unit ends a session.
var (
	errReplaced = errors.New("the peer connected again")
	errMoved    = errors.New("the peer's address changed")
)

// connector opens sessions with the peer, one at a time.
type connector struct {
	config *Config
	serve  func(context.Context, *peer.Session) // runs a session until it or the context ends

	mu    sync.Mutex
	peer  netip.Addr
	moved notify.Signal // signalled when peer changes
}

// newConnector returns a connector that does not know where the peer is.
func newConnector(config *Config, serve func(context.Context, *peer.Session)) *connector {
	return &connector{config: config, serve: serve, moved: notify.New()}
}

// run opens sessions until ctx ends. It fails at once if it cannot listen.
func (c *connector) run(ctx context.Context) error {
	if c.config.ListenAddress != "" {
		return c.listen(ctx)
	}
	c.dial(ctx)
	return nil
}

// setPeer sets where to dial. An invalid address is unknown.
func (c *connector) setPeer(address netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.peer != address {
		c.peer = address
		c.moved.Notify()
	}
}

// peerAddress returns where to dial.
func (c *connector) peerAddress() netip.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peer
}

// greeting returns what a session begins with.
func (c *connector) greeting() peer.Greeting {
	return peer.Greeting{Hello: c.config.hello(), PeerUnit: c.config.Peer, TLS: c.config.TLS}
}

// listen accepts the peer's connections until ctx ends. The newest replaces the one before: a peer that connects again
// has given up the old connection, which this unit may notice later.
func (c *connector) listen(ctx context.Context) error {
	listener, err := c.config.Network.Listen(ctx, c.config.ListenAddress)
	if err != nil {
		return fmt.Errorf("listening for the peer: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	var running sync.WaitGroup
	defer running.Wait()
	newest, strangers := &newestOnly{}, newStrangers(c.config.Metrics, c.config.Log)
	for {
		connection, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			c.config.Log.Error(err, "Failed to accept connection")
			if !pace.Sleep(ctx, minRedial) {
				return nil
			}
			continue
		}
		place, isPeer := strangers.take(connection, c.peerAddress())
		running.Go(func() {
			session, err := c.greet(ctx, connection, func() error { return strangers.admit(connection, isPeer) })
			if displaced := place.Leave(); displaced && err != nil {
				err = errDisplaced
			}
			if err != nil {
				strangers.refuse(connection, err)
				return
			}
			newest.run(ctx, func(ctx context.Context) { c.serve(ctx, session) })
		})
	}
}

// greet begins a session with the client of a connection that admit admits. If it fails, it closes the connection.
func (c *connector) greet(ctx context.Context, connection net.Conn, admit func() error) (*peer.Session, error) {
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	err := admit()
	if !stop() || err != nil {
		_ = connection.Close()
		return nil, errors.Join(ctx.Err(), err)
	}
	return c.greeting().Begin(ctx, connection, transport.Accept)
}

// newestOnly runs one function at a time. A later call ends the one before.
type newestOnly struct {
	mu     sync.Mutex
	cancel context.CancelCauseFunc
	ended  chan struct{}
}

// run ends the function of the call before, and then calls f.
func (n *newestOnly) run(ctx context.Context, f func(context.Context)) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan struct{})
	defer close(ended)

	n.mu.Lock()
	cancelBefore, endedBefore := n.cancel, n.ended
	n.cancel, n.ended = cancel, ended
	n.mu.Unlock()
	if cancelBefore != nil {
		cancelBefore(errReplaced)
		<-endedBefore
	}
	f(ctx)
}

// dial connects to the peer until ctx ends, and follows it to other addresses.
func (c *connector) dial(ctx context.Context) {
	pause := minRedial
	for ctx.Err() == nil {
		address := c.peerAddress()
		if !address.IsValid() {
			c.awaitMove(ctx, 0)
			continue
		}
		if c.dialOnce(ctx, address) {
			pause = minRedial
		}
		if c.awaitMove(ctx, pause) {
			pause = minRedial
		} else {
			pause = min(2*pause, maxRedial)
		}
	}
}

// dialOnce runs a session with the peer at an address. It reports false if none came about.
func (c *connector) dialOnce(ctx context.Context, address netip.Addr) bool {
	connection, err := c.config.Network.Dial(ctx, netip.AddrPortFrom(address, c.config.PeerPort).String())
	if err != nil {
		c.config.Log.V(1).Info("Failed to dial peer", "peer", address.String(), "reason", err.Error())
		return false
	}
	session, err := c.greeting().Begin(ctx, connection, transport.Connect)
	if err != nil {
		if ctx.Err() == nil {
			c.config.Log.Info("Failed to greet peer", "peer", address.String(), "reason", err.Error())
		}
		return false
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for c.peerAddress() == address {
			select {
			case <-ended:
				return
			case <-c.moved:
			}
		}
		cancel(errMoved)
	})
	c.serve(ctx, session)
	close(ended)
	watching.Wait()
	return true
}

// awaitMove waits until the peer's address changes or the pause is over. A pause of 0 never ends.
func (c *connector) awaitMove(ctx context.Context, pause time.Duration) (moved bool) {
	var over <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-c.moved:
		return true
	case <-over:
		return false
	}
}
