package traffic

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
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
	// patience bounds the wait for the first number.
	patience = 10 * time.Second
	// minutesKept is for how long instants are noted without growing the list that holds them.
	minutesKept = 2
)

// Ticker is one connection on which a client counts and a server repeats every number.
type Ticker struct {
	// Client and Server are the two ends as the server knows them: the client's is what its router translated to.
	Client, Server netip.AddrPort

	interval time.Duration
	stop     chan struct{}
	running  sync.WaitGroup
	closers  []io.Closer

	mu     sync.Mutex
	heard  []Tick
	broken error
}

// errOrder is a number on a connection that is not the one after its predecessor.
var errOrder = errors.New("the sequence is broken")

func newTicker(interval time.Duration) *Ticker {
	return &Ticker{
		interval: interval, stop: make(chan struct{}),
		heard: make([]Tick, 0, minutesKept*int(time.Minute/interval)),
	}
}

// TCP opens a connection to a port of the server, and counts on it until the trial ends.
func TCP(t testing.TB, network *testbed.Network, server netip.AddrPort, interval time.Duration) *Ticker {
	t.Helper()
	k := newTicker(interval)
	var listener *net.TCPListener
	err := network.Server.Do(func() (err error) {
		listener, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(server))
		return err
	})
	if err != nil {
		t.Fatalf("Listening on the server: %v", err)
	}
	defer func() { _ = listener.Close() }()
	var client net.Conn
	err = network.Client.Do(func() (err error) {
		client, err = (&net.Dialer{Timeout: patience}).Dial("tcp", server.String())
		return err
	})
	if err != nil {
		t.Fatalf("Connecting to the server: %v", err)
	}
	k.closers = append(k.closers, client)
	t.Cleanup(k.Close)
	if err := listener.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.AcceptTCP()
	if err != nil {
		t.Fatalf("Accepting on the server: %v", err)
	}
	k.closers = append(k.closers, accepted)
	k.Client, k.Server = accepted.RemoteAddr().(*net.TCPAddr).AddrPort(), server
	k.running.Go(func() { k.broke(say(k, client)) })
	k.running.Go(func() { k.broke(repeat(accepted)) })
	k.running.Go(func() { k.broke(k.listen(client)) })
	k.begin(t)
	return k
}

// UDP counts in datagrams to a port of the server until the trial ends. Some may get lost; but the server answers the
// one client that it heard first, and a client whose address is translated anew is another.
func UDP(t testing.TB, network *testbed.Network, server netip.AddrPort, interval time.Duration) *Ticker {
	t.Helper()
	k := newTicker(interval)
	var listener, client *net.UDPConn
	err := network.Server.Do(func() (err error) {
		listener, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(server))
		return err
	})
	if err != nil {
		t.Fatalf("Listening on the server: %v", err)
	}
	k.closers = append(k.closers, listener)
	t.Cleanup(k.Close)
	err = network.Client.Do(func() (err error) {
		client, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server))
		return err
	})
	if err == nil {
		k.closers = append(k.closers, client)
		err = stamp(client)
	}
	if err == nil {
		_, err = client.Write(make([]byte, frameSize))
	}
	if err != nil {
		t.Fatalf("Sending to the server: %v", err)
	}
	if err := listener.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, k.Client, err = listener.ReadFromUDPAddrPort(make([]byte, frameSize)); err != nil {
		t.Fatalf("Receiving on the server: %v", err)
	}
	if err := listener.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	k.Server = server
	k.running.Go(func() { k.broke(k.sayDatagrams(client)) })
	k.running.Go(func() { k.broke(k.repeatDatagrams(listener)) })
	k.running.Go(func() { k.broke(k.listenDatagrams(client)) })
	k.begin(t)
	return k
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

func (k *Ticker) hear(number uint64, when time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.heard = append(k.heard, Tick{At: when, Number: number})
}

// broke notes why the connection is of no more use, unless it is because nobody wants it any more.
func (k *Ticker) broke(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.stopped() {
		k.broken = errors.Join(k.broken, err)
	}
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
	k.mu.Lock()
	stopped := k.stopped()
	if !stopped {
		close(k.stop)
	}
	k.mu.Unlock()
	if stopped {
		return
	}
	for _, c := range k.closers {
		_ = c.Close() // what it carried is noted already
	}
	k.running.Wait()
}

// each calls do at every tick until the ticker ends. It has a thread of its own, which the kernel wakes when it is
// time: a timer of the Go runtime would be late by as much as other goroutines keep a processor. A tick that is late by
// more than an interval is left out rather than made up for.
func (k *Ticker) each(do func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
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

func say(k *Ticker, client net.Conn) error {
	var number uint64
	return k.each(func() error {
		number++
		if _, err := client.Write(binary.BigEndian.AppendUint64(nil, number)); err != nil {
			return fmt.Errorf("the client cannot send: %w", err)
		}
		return nil
	})
}

func repeat(server net.Conn) error {
	frame := make([]byte, frameSize)
	for {
		if _, err := io.ReadFull(server, frame); err != nil {
			return fmt.Errorf("the server cannot receive: %w", err)
		}
		if _, err := server.Write(frame); err != nil {
			return fmt.Errorf("the server cannot answer: %w", err)
		}
	}
}

func (k *Ticker) listen(client net.Conn) error {
	frame := make([]byte, frameSize)
	for want := uint64(1); ; want++ {
		if _, err := io.ReadFull(client, frame); err != nil {
			return fmt.Errorf("the client cannot receive: %w", err)
		}
		now := time.Now().Round(0)
		number := binary.BigEndian.Uint64(frame)
		if number != want {
			return fmt.Errorf("%w: the client heard %d instead of %d", errOrder, number, want)
		}
		k.hear(number, now)
	}
}

// sayDatagrams goes on past errors: what a datagram met on its way is told to whoever sends the next.
func (k *Ticker) sayDatagrams(client *net.UDPConn) error {
	var number uint64
	return k.each(func() error {
		number++
		if _, err := client.Write(binary.BigEndian.AppendUint64(nil, number)); errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
}

func (k *Ticker) repeatDatagrams(server *net.UDPConn) error {
	frame := make([]byte, frameSize)
	for {
		n, from, err := server.ReadFromUDPAddrPort(frame)
		switch {
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil || n != frameSize || from != k.Client:
			continue
		}
		if _, err := server.WriteToUDPAddrPort(frame, from); errors.Is(err, net.ErrClosed) {
			return err
		}
	}
}

func (k *Ticker) listenDatagrams(client *net.UDPConn) error {
	frame, control := make([]byte, frameSize), make([]byte, 128)
	for {
		n, oob, _, _, err := client.ReadMsgUDPAddrPort(frame, control)
		switch {
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil || n != frameSize:
			continue
		}
		when, err := stamped(control[:oob])
		if err != nil {
			return err
		}
		k.hear(binary.BigEndian.Uint64(frame), when)
	}
}

// stamp has the kernel say when it received each datagram: that this process was late to read it is not the network's
// silence.
func stamp(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	err = raw.Control(func(fd uintptr) {
		failure = os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1))
	})
	return errors.Join(err, failure)
}

var errNoStamp = errors.New("a datagram came without the time of its arrival")

func stamped(control []byte) (time.Time, error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading when a datagram came: %w", err)
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:]))), nil
		}
	}
	return time.Time{}, errNoStamp
}
