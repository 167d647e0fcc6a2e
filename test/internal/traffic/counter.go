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

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/internal/ontime"
	"github.com/hapair-io/hapair/test/namespace"
)

const (
	// frameSize is the size of a number, which is big-endian.
	frameSize = 8
	// minutesKept is how long a Counter records without growing its list.
	minutesKept = 2
)

// errOrder is a number that is not the successor of the number before it.
var errOrder = errors.New("the sequence is broken")

// Counter is the client's end of one connection. It counts, and records the numbers that the server repeats.
type Counter struct {
	end     end
	running sync.WaitGroup
	ended   context.CancelFunc
	closing sync.Once

	mu     sync.Mutex
	heard  []Tick
	broken error
}

// Connect opens a connection from the network namespace at a path to a Server and counts on it. It sends one number in
// each interval until ctx ends. Call Wait afterwards.
func Connect(
	ctx context.Context, kind Kind, path string, to netip.AddrPort, interval time.Duration,
) (*Counter, error) {
	var s socket
	err := namespace.Do(path, func() (err error) {
		s, err = dial(kind, to)
		return err
	})
	if err != nil {
		return nil, err
	}
	return count(ctx, kind, s, interval), nil
}

// Count counts on a TCP connection that the caller opened, and owns it from now on.
func Count(ctx context.Context, conn net.Conn, interval time.Duration) *Counter {
	return count(ctx, TCP, connection{conn}, interval)
}

func count(ctx context.Context, kind Kind, on end, interval time.Duration) *Counter {
	c := &Counter{end: on, heard: make([]Tick, 0, minutesKept*int(time.Minute/interval))}
	ctx, c.ended = context.WithCancel(ctx)
	send, receive := c.sendStream, c.receiveStream
	if kind == UDP {
		send, receive = c.sendDatagrams, c.receiveDatagrams
	}
	c.run(ctx, "the client cannot send", func() error { return send(ctx, interval) })
	c.run(ctx, "the client cannot receive", func() error { return receive(ctx) })
	c.running.Go(func() {
		<-ctx.Done()
		c.end.shutdown()
	})
	return c
}

// run runs one end of the traffic on a thread of its own, and records why it ended before its context.
func (c *Counter) run(ctx context.Context, failing string, do func() error) {
	c.running.Go(func() {
		ontime.Thread()
		if err := do(); err != nil && ctx.Err() == nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.broken = errors.Join(c.broken, fmt.Errorf("%s: %w", failing, err))
		}
	})
}

// Local returns the client's own address and port.
func (c *Counter) Local() (netip.AddrPort, error) { return c.end.local() }

// Heard returns the numbers that came back, in the order of time, and why the connection broke, if it did.
func (c *Counter) Heard() ([]Tick, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard[:len(c.heard):len(c.heard)], c.broken
}

// Report is what a Counter has recorded so far.
type Report struct {
	// Ticks counts the numbers that came back.
	Ticks uint64
	// Last is when the newest number came.
	Last time.Time
	// Longest is the longest silence since the instant that was asked for, including one that is still under way.
	Longest Silence
	// Err is nil while the connection lives and its sequence is unbroken.
	Err error
}

// Report returns what was recorded so far, with the longest silence that ended after an instant.
func (c *Counter) Report(from time.Time) Report {
	heard, broken := c.Heard()
	report := Report{Ticks: uint64(len(heard)), Longest: Longest(heard, from, time.Now()), Err: broken}
	if len(heard) > 0 {
		report.Last = heard[len(heard)-1].At
	}
	return report
}

// Close ends the connection and waits until it has ended.
func (c *Counter) Close() {
	c.ended()
	c.Wait()
}

// Wait returns after ctx has ended and every goroutine of the Counter with it.
func (c *Counter) Wait() {
	c.running.Wait()
	c.closing.Do(func() { _ = c.end.close() })
}

func (c *Counter) record(number uint64, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = append(c.heard, Tick{At: at, Number: number})
}

func (c *Counter) sendStream(ctx context.Context, interval time.Duration) error {
	var number uint64
	var failed error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ontime.Every(ctx, interval, func() {
		number++
		if failed = c.end.send(binary.BigEndian.AppendUint64(nil, number), nil); failed != nil {
			cancel()
		}
	})
	return failed
}

// receiveStream records numbers until the connection ends. The server never closes it first.
func (c *Counter) receiveStream(ctx context.Context) error {
	var last uint64
	return readFrames(ctx, c.end, func(frame []byte, at time.Time) error {
		number := binary.BigEndian.Uint64(frame)
		if number != last+1 {
			return fmt.Errorf("%w: %d after %d", errOrder, number, last)
		}
		last = number
		c.record(number, at)
		return nil
	})
}

// readFrames reads a stream number by number until the context ends.
func readFrames(ctx context.Context, from end, then func(frame []byte, at time.Time) error) error {
	frame, have := make([]byte, frameSize), 0
	for ctx.Err() == nil {
		r, err := from.receive(frame[have:], nil)
		switch {
		case isTimeout(err):
			continue
		case err != nil:
			return err
		case r.size == 0:
			return io.ErrUnexpectedEOF
		}
		if have += r.size; have < frameSize {
			continue
		}
		have = 0
		if err := then(frame, r.at); err != nil {
			return err
		}
	}
	return nil
}

// sendDatagrams continues after errors: the kernel reports to a sender what happened to its earlier datagrams.
func (c *Counter) sendDatagrams(ctx context.Context, interval time.Duration) error {
	var number uint64
	ontime.Every(ctx, interval, func() {
		number++
		_ = c.end.send(binary.BigEndian.AppendUint64(nil, number), nil)
	})
	return nil
}

// receiveDatagrams records datagrams. Some may be lost, and errors of others do not end the traffic.
func (c *Counter) receiveDatagrams(ctx context.Context) error {
	frame, control := make([]byte, frameSize), make([]byte, controlSize)
	for ctx.Err() == nil {
		r, err := c.end.receive(frame, control)
		if errors.Is(err, unix.EBADF) {
			return err
		}
		if err == nil && r.size == frameSize {
			c.record(binary.BigEndian.Uint64(frame), r.at)
		}
	}
	return nil
}
