package traffic

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hapair-io/hapair/test/internal/realtime"
)

// Client listens to a Server on one connection and echoes what it hears.
type Client struct {
	conn net.Conn
	done sync.WaitGroup

	mu      sync.Mutex
	next    uint64
	last    time.Time
	longest Gap
	err     error
}

// Gap is a silence between two numbers.
type Gap struct {
	From   time.Time
	Length time.Duration
}

// Report is what a client has heard so far.
type Report struct {
	// Ticks is how many numbers came.
	Ticks uint64
	// Last is when the newest came.
	Last time.Time
	// Longest is the longest silence since the last ResetGap, counting one that still goes on.
	Longest Gap
	// Err is nil while the connection lives and its sequence is unbroken.
	Err error
}

// Listen starts a client on a connection, which it owns from now on. It ends when the context does, or the
// connection; Wait for it.
func Listen(ctx context.Context, conn net.Conn) *Client {
	c := &Client{conn: conn, last: time.Now()}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	c.done.Go(func() {
		defer stop()
		realtime.Thread()
		err := c.hear()
		if ctx.Err() != nil {
			err = nil // ended by its owner, not by the network
		}
		_ = conn.Close()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.err = err
	})
	return c
}

// LocalAddr is the client's own end of the connection.
func (c *Client) LocalAddr() net.Addr { return c.conn.LocalAddr() }

// Report is what was heard so far.
func (c *Client) Report() Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	longest := c.longest
	if silence := time.Since(c.last); silence > longest.Length {
		longest = Gap{From: c.last, Length: silence}
	}
	return Report{Ticks: c.next, Last: c.last, Longest: longest, Err: c.err}
}

// ResetGap forgets the longest silence so far, so that the next Report speaks of what comes after.
func (c *Client) ResetGap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.longest = Gap{}
}

// Wait returns when the client has ended.
func (c *Client) Wait() { c.done.Wait() }

func (c *Client) hear() error {
	var frame [frameSize]byte
	for {
		if _, err := io.ReadFull(c.conn, frame[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return io.ErrUnexpectedEOF // the server never hangs up first
			}
			return err
		}
		if err := c.note(binary.BigEndian.Uint64(frame[:]), time.Now()); err != nil {
			return err
		}
		if _, err := c.conn.Write(frame[:]); err != nil {
			return err
		}
	}
}

func (c *Client) note(n uint64, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n != c.next {
		return outOfSequence(c.next, n)
	}
	if gap := now.Sub(c.last); gap > c.longest.Length {
		c.longest = Gap{From: c.last, Length: gap}
	}
	c.next, c.last = n+1, now
	return nil
}
