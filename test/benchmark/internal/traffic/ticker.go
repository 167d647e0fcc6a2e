package traffic

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/testbed"
)

const (
	// frameSize is that of a number, big-endian.
	frameSize = 8
	// minutesKept is for how long numbers are noted without growing the list that holds them.
	minutesKept = 2
)

// Ticker is one connection on which a client counts and a server repeats every number.
//
// Client and server stand for machines of their own, which do not wait until the routers leave them a processor: their
// threads have real-time priority, where the kernel allows it.
type Ticker struct {
	// Client and Server are the two ends as the server knows them: the client's is what its router translated to.
	Client, Server netip.AddrPort

	interval time.Duration
	stop     chan struct{}
	running  sync.WaitGroup
	sockets  []socket

	mu     sync.Mutex
	heard  []Tick
	broken error
}

// errOrder is a number on a connection that is not the one after its predecessor.
var errOrder = errors.New("the sequence is broken")

func newTicker(server netip.AddrPort, interval time.Duration) *Ticker {
	return &Ticker{
		Server: server, interval: interval, stop: make(chan struct{}),
		heard: make([]Tick, 0, minutesKept*int(time.Minute/interval)),
	}
}

// TCP opens a connection to a port of the server, and counts on it until the trial ends.
func TCP(t testing.TB, network *testbed.Network, server netip.AddrPort, interval time.Duration) *Ticker {
	t.Helper()
	k := newTicker(server, interval)
	t.Cleanup(k.Close)
	listener := k.open(t, network.Server, func() (socket, error) { return listen(unix.SOCK_STREAM, server) })
	client := k.open(t, network.Client, func() (socket, error) { return dial(unix.SOCK_STREAM, server) })
	accepted, from, err := listener.accept()
	if err != nil {
		t.Fatalf("Waiting for the client: %v", err)
	}
	k.sockets, k.Client = append(k.sockets, accepted), from
	k.run("the client cannot send", func() error { return k.say(client) })
	k.run("the server cannot repeat", func() error { return k.repeat(accepted) })
	k.run("the client cannot hear", func() error { return k.hear(client) })
	k.begin(t)
	return k
}

// UDP counts in datagrams to a port of the server until the trial ends. Some may get lost; but the server answers the
// one client that it heard first, and a client whose address is translated anew is another.
func UDP(t testing.TB, network *testbed.Network, server netip.AddrPort, interval time.Duration) *Ticker {
	t.Helper()
	k := newTicker(server, interval)
	t.Cleanup(k.Close)
	listener := k.open(t, network.Server, func() (socket, error) { return listen(unix.SOCK_DGRAM, server) })
	client := k.open(t, network.Client, func() (socket, error) { return dial(unix.SOCK_DGRAM, server) })
	testbed.Eventually(t, "the server hears the client", func() bool {
		if err := client.send(make([]byte, frameSize), nil); err != nil {
			t.Fatalf("Sending to the server: %v", err)
		}
		r, err := listener.receive(make([]byte, frameSize), nil)
		k.Client = r.from
		return err == nil
	})
	k.run("the client cannot send", func() error { return k.sayDatagrams(client) })
	k.run("the server cannot repeat", func() error { return k.repeatDatagrams(listener) })
	k.run("the client cannot hear", func() error { return k.hearDatagrams(client) })
	k.begin(t)
	return k
}

// open opens a socket inside of a namespace. It is closed when the ticker is.
func (k *Ticker) open(t testing.TB, n *testbed.Namespace, open func() (socket, error)) socket {
	t.Helper()
	var s socket
	err := n.Do(func() (err error) {
		s, err = open()
		return err
	})
	if err != nil {
		t.Fatalf("Making a connection from client to server: %v", err)
	}
	k.sockets = append(k.sockets, s)
	return s
}

// run does something on a thread of its own until the ticker ends.
func (k *Ticker) run(failing string, do func() error) {
	k.running.Go(func() {
		// Never unlocked: the thread ends with the goroutine, and its priority with it.
		runtime.LockOSThread()
		hurry()
		if err := do(); err != nil && !k.stopped() {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.broken = errors.Join(k.broken, fmt.Errorf("%s: %w", failing, err))
		}
	})
}

// hurry gives the calling thread real-time priority. Where that is refused, measurements are only noisier.
func hurry() {
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1, Flags: unix.SCHED_FLAG_RESET_ON_FORK,
	}, 0)
}

// begin waits for the first numbers to come back.
func (k *Ticker) begin(t testing.TB) {
	t.Helper()
	testbed.Eventually(t, "the client hears what the server repeats", func() bool {
		heard, broken := k.Heard()
		if broken != nil {
			t.Fatalf("The connection broke before it was of use: %v", broken)
		}
		return len(heard) > 2
	})
}

// Heard are the numbers that were heard, in the order of time, and why the connection broke, if it did.
func (k *Ticker) Heard() ([]Tick, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.heard[:len(k.heard):len(k.heard)], k.broken
}

func (k *Ticker) note(number uint64, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.heard = append(k.heard, Tick{At: at, Number: number})
}

func (k *Ticker) stopped() bool {
	select {
	case <-k.stop:
		return true
	default:
		return false
	}
}

// Close ends the connection.
func (k *Ticker) Close() {
	if k.stopped() {
		return
	}
	close(k.stop)
	for _, s := range k.sockets {
		_ = unix.Shutdown(int(s), unix.SHUT_RDWR) // ends a send that waits for an acknowledgement
	}
	k.running.Wait()
	for _, s := range k.sockets {
		_ = s.close() // what it carried is noted already
	}
}

// each calls do at every tick until the ticker ends. The kernel wakes its thread when it is time: a timer of the Go
// runtime would be late by as much as other goroutines keep a processor. A tick that is late by more than an interval
// is left out rather than made up for.
func (k *Ticker) each(do func() error) error {
	var next unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &next); err != nil {
		return err
	}
	for !k.stopped() {
		if err := do(); err != nil {
			return err
		}
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
			return err
		}
		next = unix.NsecToTimespec(max(next.Nano()+int64(k.interval), now.Nano()))
		err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &next, nil)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
	return nil
}

func (k *Ticker) say(client socket) error {
	var number uint64
	return k.each(func() error {
		number++
		return client.send(binary.BigEndian.AppendUint64(nil, number), nil)
	})
}

func (k *Ticker) repeat(server socket) error {
	return k.read(server, func(frame []byte, _ time.Time) error { return server.send(frame, nil) })
}

func (k *Ticker) hear(client socket) error {
	var last uint64
	return k.read(client, func(frame []byte, at time.Time) error {
		number := binary.BigEndian.Uint64(frame)
		if number != last+1 {
			return fmt.Errorf("%w: %d after %d", errOrder, number, last)
		}
		last = number
		k.note(number, at)
		return nil
	})
}

// read reads a stream number by number until the ticker ends.
func (k *Ticker) read(from socket, then func(frame []byte, at time.Time) error) error {
	frame, have := make([]byte, frameSize), 0
	for !k.stopped() {
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

// sayDatagrams goes on past errors: what a datagram met on its way is told to whoever sends the next.
func (k *Ticker) sayDatagrams(client socket) error {
	var number uint64
	return k.each(func() error {
		number++
		_ = client.send(binary.BigEndian.AppendUint64(nil, number), nil)
		return nil
	})
}

func (k *Ticker) repeatDatagrams(server socket) error {
	frame, to := make([]byte, frameSize), address(k.Client)
	for !k.stopped() {
		r, err := server.receive(frame, nil)
		if errors.Is(err, unix.EBADF) {
			return err // anything else passes
		}
		if err == nil && r.size == frameSize && r.from == k.Client {
			_ = server.send(frame, to)
		}
	}
	return nil
}

func (k *Ticker) hearDatagrams(client socket) error {
	frame, control := make([]byte, frameSize), make([]byte, 128)
	for !k.stopped() {
		r, err := client.receive(frame, control)
		if errors.Is(err, unix.EBADF) {
			return err // anything else passes
		}
		if err == nil && r.size == frameSize {
			k.note(binary.BigEndian.Uint64(frame), r.at)
		}
	}
	return nil
}
