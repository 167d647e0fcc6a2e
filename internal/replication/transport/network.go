package transport

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"syscall"
	"time"
)

// Network opens the connections that TLS runs over.
type Network interface {
	Listen(ctx context.Context, address string) (net.Listener, error)
	Dial(ctx context.Context, address string) (net.Conn, error)
}

// handshakeTimeout bounds how long a peer may take to authenticate.
const handshakeTimeout = 5 * time.Second

// Accept authenticates both ends of a connection that the peer opened. If it fails, it closes the connection.
func Accept(ctx context.Context, connection net.Conn, source Source) (*Connection, error) {
	return secure(ctx, connection, source, tls.Server)
}

// Connect authenticates both ends of a connection that this unit opened. If it fails, it closes the connection.
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

// secure authenticates both ends of a connection. If it fails, it closes the connection.
func secure(ctx context.Context, connection net.Conn, source Source, side side) (*Connection, error) {
	secured, err := handshake(ctx, connection, source, side)
	if err != nil {
		_ = connection.Close() // err has the reason
		return nil, err
	}
	return secured, nil
}

// handshake makes the TLS handshake.
func handshake(ctx context.Context, connection net.Conn, source Source, side side) (*Connection, error) {
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
		return nil, fmt.Errorf("TLS handshake with %s: %w", connection.RemoteAddr(), err)
	}
	return &Connection{Conn: secured}, nil
}

// Connection is a connection whose ends have authenticated each other.
type Connection struct {
	*tls.Conn
	client bool // this unit opened it
}

// FreeBytes returns how many bytes can be written now without waiting for the peer; 0 if that is unknown. Calls must
// not overlap.
func (c *Connection) FreeBytes() int { return freeBytesOf(c.NetConn()) }

// Close closes the connection at once. TLS would first notify the peer, and wait for seconds if it no longer reads. The
// protocol has a frame for that.
func (c *Connection) Close() error { return c.NetConn().Close() }

// TCP is the network of a running unit.
type TCP struct {
	// Control prepares each socket, as in net.ListenConfig. It may be nil.
	Control func(network, address string, socket syscall.RawConn) error
}

// dialTimeout bounds one attempt to connect. The engine tries again.
const dialTimeout = 3 * time.Second

// Listen implements Network.
func (t TCP) Listen(ctx context.Context, address string) (net.Listener, error) {
	return (&net.ListenConfig{Control: t.Control, KeepAlive: -1}).Listen(ctx, "tcp", address)
}

// Dial implements Network. The units send pings, so TCP sends no keep-alives.
func (t TCP) Dial(ctx context.Context, address string) (net.Conn, error) {
	return (&net.Dialer{Control: t.Control, Timeout: dialTimeout, KeepAlive: -1}).DialContext(ctx, "tcp", address)
}
