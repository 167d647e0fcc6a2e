package traffic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/internal/ontime"
	"github.com/hapair-io/hapair/test/namespace"
)

// Server repeats every number that clients send.
type Server struct {
	listener acceptor
	running  sync.WaitGroup
	ended    context.CancelFunc
	closing  sync.Once

	mu      sync.Mutex
	clients []netip.AddrPort
}

// Serve starts a server on an address in the network namespace at a path. It ends when ctx does. Call Wait afterwards.
//
// A server of datagrams answers the first client that it hears, and no other. A client whose address a router
// translates differently after a failover is another client.
func Serve(ctx context.Context, kind Kind, path string, at netip.AddrPort) (*Server, error) {
	var on socket
	err := namespace.Do(path, func() (err error) {
		on, err = listen(kind, at)
		return err
	})
	if err != nil {
		return nil, err
	}
	if kind == TCP {
		return serve(ctx, listener{on}, (*Server).accept), nil
	}
	return serve(ctx, listener{on}, func(s *Server, ctx context.Context) { s.repeatDatagrams(ctx, on) }), nil
}

// Repeat serves TCP connections on a listener that the caller opened, and owns it from now on.
func Repeat(ctx context.Context, on net.Listener) *Server {
	return serve(ctx, listening{on}, (*Server).accept)
}

func serve(ctx context.Context, on acceptor, run func(*Server, context.Context)) *Server {
	s := &Server{listener: on}
	ctx, s.ended = context.WithCancel(ctx)
	s.running.Go(func() { run(s, ctx) })
	s.running.Go(func() {
		<-ctx.Done()
		on.shutdown()
	})
	return s
}

// Clients returns the addresses and ports of the clients so far, as this host sees them: after source NAT.
func (s *Server) Clients() []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.clients)
}

// Address returns the address and port that the server listens on.
func (s *Server) Address() (netip.AddrPort, error) { return s.listener.local() }

// Close ends the server and waits until it has ended.
func (s *Server) Close() {
	s.ended()
	s.Wait()
}

// Wait returns after ctx has ended and every goroutine of the server with it.
func (s *Server) Wait() {
	s.running.Wait()
	s.closing.Do(func() { _ = s.listener.close() })
}

func (s *Server) noteClient(client netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients = append(s.clients, client)
}

func (s *Server) accept(ctx context.Context) {
	for ctx.Err() == nil {
		accepted, client, err := s.listener.accept()
		if isTimeout(err) {
			continue
		}
		if err != nil {
			return
		}
		s.noteClient(client)
		s.running.Go(func() { s.repeat(ctx, accepted) })
	}
}

// repeat serves one connection. A connection that fails is judged by its client.
func (s *Server) repeat(ctx context.Context, connection end) {
	ontime.Thread()
	stop := context.AfterFunc(ctx, connection.shutdown)
	_ = readFrames(ctx, connection, func(frame []byte, _ time.Time) error { return connection.send(frame, nil) })
	stop()
	_ = connection.close()
}

func (s *Server) repeatDatagrams(ctx context.Context, on socket) {
	ontime.Thread()
	frame := make([]byte, frameSize)
	var client netip.AddrPort
	for ctx.Err() == nil {
		r, err := on.receive(frame, nil)
		if errors.Is(err, unix.EBADF) {
			return
		}
		if err != nil || r.size != frameSize {
			continue
		}
		if !client.IsValid() {
			client = r.from
			s.noteClient(client)
		}
		if r.from == client {
			_ = on.send(frame, sockaddr(client))
		}
	}
}

// Ends names the two hosts of a connection by the paths of their network namespaces.
type Ends struct{ Client, Server string }

// Open starts a server and one connection to it. Close ends both.
func Open(
	ctx context.Context, kind Kind, ends Ends, server netip.AddrPort, interval time.Duration,
) (*Connection, error) {
	s, err := Serve(ctx, kind, ends.Server, server)
	if err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	address, err := s.Address()
	if err != nil {
		s.Close()
		return nil, err
	}
	c, err := Connect(ctx, kind, ends.Client, address, interval)
	if err != nil {
		s.Close()
		return nil, err
	}
	return &Connection{Counter: c, Server: s}, nil
}

// Connection is a Counter with a server of its own.
type Connection struct {
	*Counter
	Server *Server
}

// Client returns the client's address and port as the server sees them, and the zero value before the first number.
func (c *Connection) Client() netip.AddrPort {
	if clients := c.Server.Clients(); len(clients) > 0 {
		return clients[0]
	}
	return netip.AddrPort{}
}

// Close ends the connection and its server.
func (c *Connection) Close() {
	c.Counter.Close()
	c.Server.Close()
}
