//go:build netns

package enforcement_test

import (
	"errors"
	"os"
	"testing"
	"time"

	googlenft "github.com/google/nftables"
	"github.com/mdlayher/netlink"

	"github.com/hapair-io/hapair/test/testbed"
)

// flushTimeout bounds a transaction. The library waits for answers without a bound, and one can be lost.
const flushTimeout = 2 * time.Second

// hostile is a connection of a foreign program that changes rules in a namespace. It stays open, since closing it takes
// long.
type hostile struct {
	*googlenft.Conn
	in     *testbed.Namespace
	socket *netlink.Conn
}

func hostileIn(t testing.TB, n *testbed.Namespace) *hostile {
	t.Helper()
	h := &hostile{in: n}
	if err := h.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.CloseLasting() })
	return h
}

func (h *hostile) open() error {
	return h.in.Do(func() (err error) {
		h.Conn, err = googlenft.New(googlenft.AsLasting(), googlenft.WithSockOptions(func(c *netlink.Conn) error {
			h.socket = c
			return nil
		}))
		return err
	})
}

// Flush carries out the changes in one transaction. After one without an answer, it opens another connection: a late
// answer would be taken for that of the next transaction.
func (h *hostile) Flush() error {
	err := h.socket.SetDeadline(time.Now().Add(flushTimeout))
	if err == nil {
		err = h.Conn.Flush()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = h.CloseLasting()
		err = errors.Join(err, h.open())
	}
	return err
}
