package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// Network makes the connections that TLS runs over.
type Network interface {
	Listen(ctx context.Context, address string) (net.Listener, error)
	Dial(ctx context.Context, address string) (net.Conn, error)
}

// handshakeTimeout bounds how long a peer may take to prove who it is.
const handshakeTimeout = 5 * time.Second

// Accept proves both sides of a connection that the peer made. On failure the connection is closed.
func Accept(ctx context.Context, connection net.Conn, source Source) (*Connection, error) {
	return secure(ctx, connection, source, tls.Server)
}

// Connect proves both sides of a connection that this unit made. On failure the connection is closed.
func Connect(ctx context.Context, connection net.Conn, source Source) (*Connection, error) {
	c, err := secure(ctx, connection, source, tls.Client)
	if err != nil {
		return nil, err
	}
	c.client = true
	return c, nil
}

// side is tls.Server or tls.Client.
type side func(net.Conn, *tls.Config) *tls.Conn

func secure(ctx context.Context, connection net.Conn, source Source, side side) (*Connection, error) {
	secured, err := shakeHands(ctx, connection, source, side)
	if err != nil {
		_ = connection.Close() // nothing was said over it, and err says why nothing will be
		return nil, err
	}
	return secured, nil
}

func shakeHands(ctx context.Context, connection net.Conn, source Source, side side) (*Connection, error) {
	config, err := source()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	connection, err = withoutWait(connection)
	if err != nil {
		return nil, err
	}
	secured := side(connection, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("shaking hands with %s: %w", connection.RemoteAddr(), err)
	}
	return &Connection{Conn: secured}, nil
}

// Connection is a connection whose both ends are proved.
type Connection struct {
	*tls.Conn
	client bool // this unit made it
}

// Room is how many bytes can be written now without waiting for the peer, at least as far as is known.
func (c *Connection) Room() int { return roomOf(c.NetConn()) }

// Close closes the connection at once. TLS would first tell the peer, and wait for seconds on one that no longer reads;
// the protocol has a frame for that.
func (c *Connection) Close() error { return c.NetConn().Close() }

// TCP is the network of a running unit.
type TCP struct{}

// dialTimeout is well below the back-off's sum until someone looks: an address that answers nothing is tried again.
const dialTimeout = 3 * time.Second

// Listen listens on a TCP address.
func (TCP) Listen(ctx context.Context, address string) (net.Listener, error) {
	return (&net.ListenConfig{KeepAlive: -1}).Listen(ctx, "tcp", address)
}

// Dial connects to a TCP address. The engine pings, so TCP need not keep alive.
func (TCP) Dial(ctx context.Context, address string) (net.Conn, error) {
	return (&net.Dialer{Timeout: dialTimeout, KeepAlive: -1}).DialContext(ctx, "tcp", address)
}
