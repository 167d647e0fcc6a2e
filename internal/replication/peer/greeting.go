package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hapair-io/hapair/internal/replication/protocol"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/internal/replication/wire"
)

// greetingTimeout bounds the exchange of Hello.
const greetingTimeout = 5 * time.Second

// Greeting is what a unit needs to begin a session.
type Greeting struct {
	// Hello is the first frame that this unit sends.
	Hello *wire.Hello
	// PeerUnit is the name of the unit that must be at the other end.
	PeerUnit string
	// TLS supplies the configuration of the handshake.
	TLS transport.Source
}

// Handshake is transport.Accept or transport.Connect.
type Handshake func(context.Context, net.Conn, transport.Source) (*transport.Connection, error)

// Begin authenticates both ends of a connection and exchanges Hello. If it fails, it closes the connection.
func (g Greeting) Begin(ctx context.Context, connection net.Conn, handshake Handshake) (*Session, error) {
	secured, err := handshake(ctx, connection, g.TLS)
	if err != nil {
		return nil, err
	}
	s, err := g.exchange(ctx, secured)
	if err != nil {
		_ = secured.Close() // err has the reason
		return nil, fmt.Errorf("greeting the peer: %w", err)
	}
	return s, nil
}

// exchange sends this unit's Hello and checks that of the peer.
func (g Greeting) exchange(ctx context.Context, connection *transport.Connection) (*Session, error) {
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })()
	if err := connection.SetDeadline(time.Now().Add(greetingTimeout)); err != nil {
		return nil, err
	}
	sent := make(chan error, 1)
	go func() {
		_, err := connection.Write(wire.Append(nil, g.Hello))
		sent <- err
	}()
	buffer := bufio.NewReaderSize(connection, bufferSize)
	f, err := readFrame(buffer, &wire.Memory{})
	if err = errors.Join(err, <-sent); err != nil {
		return nil, err
	}
	hello, ok := f.(*wire.Hello)
	if !ok {
		return nil, fmt.Errorf("%w: the first frame is of kind %d", protocol.ErrProtocol, f.Kind())
	}
	rules := protocol.New(g.Hello)
	if err := rules.Greet(hello, g.PeerUnit); err != nil {
		return nil, err
	}
	if err := connection.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	keys, err := connection.HeartbeatKeys()
	if err != nil {
		return nil, err
	}
	return newSession(connection, buffer, rules, hello.Incarnation, keys), nil
}
