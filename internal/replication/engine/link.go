package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/replication/protocol"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/internal/replication/wire"
)

const (
	// greetingTimeout bounds the exchange of Hello.
	greetingTimeout = 5 * time.Second
	// A dial that failed is tried again after a pause that doubles from the first to the last.
	firstRedial = 100 * time.Millisecond
	lastRedial  = time.Second
	// maxStrangers bounds connections whose maker has not proved who it is.
	maxStrangers = 8
)

// Why a conversation is ended from this side.
var (
	errReplaced = errors.New("the peer connected anew")
	errMoved    = errors.New("the peer's address changed")
	errStopping = errors.New("the unit stops")
)

// listen takes the peer's connections until the context ends. The newest wins: that the peer connects anew says that it
// believes the old connection dead, which this side may be slower to see.
func (e *Engine) listen(ctx context.Context) error {
	listener, err := e.config.Network.Listen(ctx, e.config.ListenAddress)
	if err != nil {
		return fmt.Errorf("listening for the peer: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	var running sync.WaitGroup
	defer running.Wait()
	strangers := make(chan struct{}, maxStrangers)
	newest := &turnstile{}
	for {
		connection, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			e.log.Error(err, "Accepting connection failed")
			if !sleep(ctx, firstRedial) {
				return nil
			}
			continue
		}
		select {
		case strangers <- struct{}{}:
		default:
			_ = connection.Close() // whoever it is may come again
			continue
		}
		running.Go(func() {
			c, err := e.greet(ctx, connection, transport.Accept)
			<-strangers
			if err != nil {
				e.log.Info("Refusing connection", "from", connection.RemoteAddr().String(), "why", err.Error())
				return
			}
			newest.pass(ctx, func(ctx context.Context) { e.converse(ctx, c) })
		})
	}
}

// turnstile lets one in at a time: who comes later makes the one before leave.
type turnstile struct {
	mu    sync.Mutex
	leave context.CancelCauseFunc
	gone  chan struct{}
}

func (t *turnstile) pass(ctx context.Context, f func(context.Context)) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	gone := make(chan struct{})
	defer close(gone)

	t.mu.Lock()
	leave, before := t.leave, t.gone
	t.leave, t.gone = cancel, gone
	t.mu.Unlock()
	if leave != nil {
		leave(errReplaced)
		<-before
	}
	f(ctx)
}

// dial connects to the peer until the context ends, wherever the peer moves.
func (e *Engine) dial(ctx context.Context) error {
	pause := firstRedial
	for ctx.Err() == nil {
		peer := e.peerAddress()
		if !peer.IsValid() {
			e.awaitMove(ctx, 0)
			continue
		}
		if e.dialOnce(ctx, peer) {
			pause = firstRedial
		}
		if e.awaitMove(ctx, pause) {
			pause = firstRedial
		} else {
			pause = min(2*pause, lastRedial)
		}
	}
	return nil
}

// dialOnce converses with the peer at one address, and says whether that came about.
func (e *Engine) dialOnce(ctx context.Context, peer netip.Addr) bool {
	connection, err := e.config.Network.Dial(ctx, netip.AddrPortFrom(peer, e.config.PeerPort).String())
	if err != nil {
		e.log.V(1).Info("Dialling peer failed", "peer", peer.String(), "why", err.Error())
		return false
	}
	c, err := e.greet(ctx, connection, transport.Connect)
	if err != nil {
		if ctx.Err() == nil {
			e.log.Info("Greeting peer failed", "peer", peer.String(), "why", err.Error())
		}
		return false
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	moved := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for e.peerAddress() == peer {
			select {
			case <-moved:
				return
			case <-e.moved:
			}
		}
		cancel(errMoved)
	})
	e.converse(ctx, c)
	close(moved)
	watching.Wait()
	return true
}

// awaitMove waits until the peer's address changes, or the pause is over; a pause of 0 never is.
func (e *Engine) awaitMove(ctx context.Context, pause time.Duration) (moved bool) {
	var over <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-e.moved:
		return true
	case <-over:
		return false
	}
}

// prove is transport.Accept or transport.Connect.
type prove func(context.Context, net.Conn, transport.Source) (*transport.Connection, error)

// greet proves who is at both ends of a connection and exchanges Hello. On failure the connection is closed.
func (e *Engine) greet(ctx context.Context, connection net.Conn, prove prove) (*conversation, error) {
	secured, err := prove(ctx, connection, e.config.TLS)
	if err != nil {
		return nil, err
	}
	c, err := e.exchangeHello(ctx, secured)
	if err != nil {
		_ = secured.Close() // err says more
		return nil, err
	}
	return c, nil
}

func (e *Engine) exchangeHello(ctx context.Context, connection *transport.Connection) (*conversation, error) {
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })()
	if err := connection.SetDeadline(time.Now().Add(greetingTimeout)); err != nil {
		return nil, fmt.Errorf("greeting the peer: %w", err)
	}
	hello := e.hello()
	spoken := make(chan error, 1)
	go func() {
		_, err := connection.Write(wire.Append(nil, hello))
		spoken <- err
	}()
	reader := bufio.NewReaderSize(connection, buffered)
	f, err := readFrame(reader, &wire.Memory{})
	if err = errors.Join(err, <-spoken); err != nil {
		return nil, fmt.Errorf("greeting the peer: %w", err)
	}
	peer, ok := f.(*wire.Hello)
	if !ok {
		return nil, fmt.Errorf("greeting the peer: %w: it began with a frame of kind %d", protocol.ErrProtocol, f.Kind())
	}
	rules := protocol.New(hello)
	if err := rules.Greet(peer, e.config.Peer); err != nil {
		return nil, fmt.Errorf("greeting the peer: %w", err)
	}
	if err := connection.SetDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("greeting the peer: %w", err)
	}
	keys, err := connection.HeartbeatKeys()
	if err != nil {
		return nil, err
	}
	connected := PeerConnected{
		Incarnation: peer.Incarnation, Address: addressOf(connection.RemoteAddr()), Keys: keys,
	}
	return newConversation(e, connection, reader, rules, connected), nil
}

// addressOf is the address of the peer's end; invalid where the network has no such thing.
func addressOf(end net.Addr) netip.Addr {
	if tcp, ok := end.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

func (e *Engine) hello() *wire.Hello {
	hello := &wire.Hello{
		Version: wire.Version, OldestVersion: wire.OldestVersion, Pair: e.config.Pair, Namespace: e.config.Namespace,
		Unit: e.config.Unit, Incarnation: e.config.Incarnation,
	}
	for _, c := range e.config.Classes {
		hello.Classes = append(hello.Classes, c.ID)
	}
	return hello
}

// converse makes a conversation the engine's current one as long as it lasts.
func (e *Engine) converse(ctx context.Context, c *conversation) {
	e.log.Info("Conversing with peer", "peer", c.connection.RemoteAddr().String(), "incarnation", c.peer.Incarnation)
	e.events.put(c.peer)
	e.mu.Lock()
	e.current = c
	c.begin(e.view, e.floor)
	e.mu.Unlock()
	e.config.Metrics.connected.Set(1)

	err := c.run(ctx)
	e.mu.Lock()
	e.current = nil
	e.floor = max(e.floor, c.floor())
	e.mu.Unlock()
	e.config.Metrics.connected.Set(0)
	e.events.put(PeerDisconnected{Err: err})
	e.log.Info("Lost peer", "why", err.Error())
}

// whyEnded is why a conversation's context ended.
func whyEnded(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return errStopping
}
