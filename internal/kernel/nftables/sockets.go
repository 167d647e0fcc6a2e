package nftables

import (
	"errors"
	"fmt"
	"sync"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// sockets are the sockets of a Kernel: one for transactions, and one for questions. A socket is closed after an error,
// which discards unread answers.
type sockets struct {
	mu       sync.Mutex
	question *netlink.Conn
	conn     *nftables.Conn
	// transaction is the socket of conn.
	transaction *netlink.Conn
}

// ask calls do with a socket for questions.
func (k Kernel) ask(do func(*netlink.Conn) error) error {
	s := k.sockets
	if s == nil {
		s = &sockets{}
		defer func() { _ = s.close() }()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.question == nil {
		conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
		if err != nil {
			return fmt.Errorf("opening nftables: %w", err)
		}
		s.question = conn
	}
	err := limit(s.question)
	if err == nil {
		err = do(s.question)
	}
	if err != nil && !errors.Is(err, ErrAltered) {
		err = errors.Join(err, s.question.Close())
		s.question = nil
	}
	return err
}

// change calls do with a connection for one transaction.
func (k Kernel) change(do func(*nftables.Conn) error) error {
	s := k.sockets
	if s == nil {
		s = &sockets{}
		defer func() { _ = s.close() }()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == nil {
		conn, err := nftables.New(nftables.AsLasting(), nftables.WithSockOptions(widen, func(c *netlink.Conn) error {
			s.transaction = c
			return nil
		}))
		if err != nil {
			return fmt.Errorf("opening nftables: %w", err)
		}
		s.conn = conn
	}
	err := limit(s.transaction)
	if err == nil {
		err = do(s.conn)
	}
	if err != nil {
		err = errors.Join(err, s.conn.CloseLasting())
		s.conn = nil
	}
	return err
}

func (s *sockets) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	if s.question != nil {
		errs = append(errs, s.question.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.CloseLasting())
	}
	s.question, s.conn = nil, nil
	return errors.Join(errs...)
}
