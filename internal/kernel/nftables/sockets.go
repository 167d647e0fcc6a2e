package nftables

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// socket is a netlink socket for transactions and questions, one at a time. It is opened in the network namespace of
// the thread that first uses it, and stays open.
//
// Closing a socket of netfilter after a change of rules, by any process, waits for an RCU grace period. On a busy
// machine that takes from tens of milliseconds to seconds. Meanwhile the kernel keeps all other transactions of the
// namespace waiting. So an error that is the kernel's answer does not close the socket.
type socket struct {
	// timeout bounds each use. bufferBytes is the size of both buffers; zero is the system's default.
	timeout     time.Duration
	bufferBytes int
	// queueForm is the one that the kernel has, once it was asked.
	queueForm queueForm
	// renewal is what the kernel does, once it was asked.
	renewal renewal

	mu   sync.Mutex
	conn *nftables.Conn
	// raw is the socket of conn.
	raw *netlink.Conn
	// port is the number by which the kernel names the socket in notifications; zero without one.
	port atomic.Uint32
}

// ask calls do with the socket.
func (s *socket) ask(do func(*netlink.Conn) error) error {
	return s.use(func() error { return do(s.raw) })
}

// change calls do with a connection for one transaction.
func (s *socket) change(do func(*nftables.Conn) error) error {
	return s.use(func() error { return do(s.conn) })
}

func (s *socket) use(do func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(); err != nil {
		return fmt.Errorf("opening nftables: %w", err)
	}
	err := s.raw.SetDeadline(time.Now().Add(s.timeout))
	if err == nil {
		err = do()
	}
	if err != nil && (errors.Is(err, os.ErrDeadlineExceeded) || s.drain() != nil) {
		err = errors.Join(err, s.closeLocked())
	}
	return err
}

func (s *socket) open() error {
	if s.conn != nil {
		return nil
	}
	conn, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(raw *netlink.Conn) error {
		s.raw = raw
		if s.bufferBytes == 0 {
			return nil
		}
		return errors.Join(raw.SetReadBuffer(s.bufferBytes), raw.SetWriteBuffer(s.bufferBytes))
	}))
	if err != nil {
		return err
	}
	s.conn = conn
	s.port.Store(s.raw.PID())
	return nil
}

// drain discards unread answers. The kernel answers before a request returns, so none comes later.
func (s *socket) drain() error {
	connection, err := s.raw.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = connection.Read(func(fd uintptr) bool {
		for discarded := make([]byte, 1); ; {
			_, _, failed = unix.Recvfrom(int(fd), discarded, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
			switch failed {
			case nil, unix.EINTR, unix.ENOBUFS:
			case unix.EAGAIN:
				failed = nil
				return true
			default:
				return true
			}
		}
	})
	return errors.Join(err, failed)
}

func (s *socket) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closeLocked()
}

func (s *socket) closeLocked() error {
	if s.conn == nil {
		return nil
	}
	err := s.conn.CloseLasting()
	s.conn, s.raw = nil, nil
	s.port.Store(0)
	return err
}
