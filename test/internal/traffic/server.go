package traffic

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hapair-io/hapair/test/internal/realtime"
)

// frameSize is a sequence number, big-endian.
const frameSize = 8

// Server counts aloud on every connection that it accepts: one number each Interval, from 0.
type Server struct {
	listener net.Listener
	interval time.Duration
	done     sync.WaitGroup

	mu      sync.Mutex
	clients []netip.AddrPort
}

// Serve starts a server on a listener, which it owns from now on. It ends when the context does; Wait for it.
func Serve(ctx context.Context, listener net.Listener, interval time.Duration) *Server {
	s := &Server{listener: listener, interval: interval}
	s.done.Go(func() { s.accept(ctx) })
	s.done.Go(func() {
		<-ctx.Done()
		_ = listener.Close() // ends accept
	})
	return s
}

// Clients are the addresses and ports of the connections accepted so far, as this host sees them: after source NAT.
func (s *Server) Clients() []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]netip.AddrPort(nil), s.clients...)
}

// Wait returns when every goroutine of the server has ended.
func (s *Server) Wait() { s.done.Wait() }

func (s *Server) accept(ctx context.Context) {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
			client := tcp.AddrPort()
			s.clients = append(s.clients, netip.AddrPortFrom(client.Addr().Unmap(), client.Port()))
		}
		s.mu.Unlock()
		s.done.Go(func() { s.count(ctx, conn) })
	}
}

// count writes the numbers and reads the client's echoes, so that both directions of the connection carry data.
func (s *Server) count(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }()

	s.done.Go(func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, conn)
	})
	n := uint64(0)
	var frame [frameSize]byte
	realtime.Every(ctx, s.interval, func() {
		binary.BigEndian.PutUint64(frame[:], n)
		n++
		if _, err := conn.Write(frame[:]); err != nil {
			cancel()
		}
	})
}

// errOutOfSequence is a number that is not the one after its predecessor.
var errOutOfSequence = errors.New("sequence broken")

func outOfSequence(want, got uint64) error {
	return fmt.Errorf("%w: want %d, got %d", errOutOfSequence, want, got)
}
