package testbed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// tick is how often a ticker says its next number.
const tick = 5 * time.Millisecond

// Ticker is a connection from client to server on which the client counts and the server repeats every number.
type Ticker struct {
	t testing.TB
	// Remote is the client's end as the server sees it.
	Remote netip.AddrPort

	client, server io.ReadWriteCloser
	datagrams      bool
	stop           chan struct{}
	running        sync.WaitGroup

	mu     sync.Mutex
	heard  uint64 // the newest number that came back
	last   time.Time
	gap    time.Duration
	broken error
}

// TCP opens a counting TCP connection to an address of the server.
func (n *Network) TCP(t testing.TB, server string) *Ticker {
	t.Helper()
	client, accepted := n.Connect(t, server)
	return start(t, &Ticker{t: t, client: client, server: accepted, Remote: remote(accepted.RemoteAddr())})
}

// Connect opens a TCP connection and returns its two ends.
func (n *Network) Connect(t testing.TB, server string) (client, accepted *net.TCPConn) {
	t.Helper()
	var listener *net.TCPListener
	err := n.Server.Do(func() (err error) {
		listener, err = net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(server)})
		return err
	})
	if err != nil {
		t.Fatalf("Listening on the server: %v", err)
	}
	defer func() { _ = listener.Close() }()
	err = n.Client.Do(func() error {
		c, err := (&net.Dialer{Timeout: Patience}).Dial("tcp", listener.Addr().String())
		if err == nil {
			client = c.(*net.TCPConn)
		}
		return err
	})
	if err != nil {
		t.Fatalf("Connecting to the server: %v", err)
	}
	if err := listener.SetDeadline(time.Now().Add(Patience)); err != nil {
		t.Fatal(err)
	}
	if accepted, err = listener.AcceptTCP(); err != nil {
		t.Fatalf("Accepting on the server: %v", err)
	}
	t.Cleanup(func() {
		_ = client.Close() // a test may have closed them
		_ = accepted.Close()
	})
	return client, accepted
}

// UDP begins to count in datagrams, of which some may get lost.
func (n *Network) UDP(t testing.TB, server string) *Ticker {
	t.Helper()
	ticker := &Ticker{t: t, datagrams: true}
	var listener *net.UDPConn
	err := n.Server.Do(func() (err error) {
		listener, err = net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(server)})
		return err
	})
	if err != nil {
		t.Fatalf("Listening on the server: %v", err)
	}
	var client *net.UDPConn
	err = n.Client.Do(func() (err error) {
		client, err = net.DialUDP("udp", nil, listener.LocalAddr().(*net.UDPAddr))
		return err
	})
	if err == nil {
		_, err = client.Write(make([]byte, 8))
	}
	if err != nil {
		t.Fatalf("Sending to the server: %v", err)
	}
	if err := listener.SetReadDeadline(time.Now().Add(Patience)); err != nil {
		t.Fatal(err)
	}
	if _, ticker.Remote, err = listener.ReadFromUDPAddrPort(make([]byte, 8)); err != nil {
		t.Fatalf("Receiving on the server: %v", err)
	}
	_ = listener.SetReadDeadline(time.Time{})
	ticker.client, ticker.server = client, &fixedPeer{UDPConn: listener, peer: ticker.Remote}
	t.Cleanup(func() {
		_ = client.Close()
		_ = listener.Close()
	})
	return start(t, ticker)
}

// fixedPeer is a server that answers one peer, and hears no other: a datagram from another port would be a connection
// that was translated anew.
type fixedPeer struct {
	*net.UDPConn
	peer netip.AddrPort
}

func (f *fixedPeer) Read(b []byte) (int, error) {
	for {
		n, from, err := f.ReadFromUDPAddrPort(b)
		if err != nil || from == f.peer {
			return n, err
		}
	}
}

func (f *fixedPeer) Write(b []byte) (int, error) { return f.WriteToUDPAddrPort(b, f.peer) }

func remote(a net.Addr) netip.AddrPort {
	p := netip.MustParseAddrPort(a.String())
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

func start(t testing.TB, k *Ticker) *Ticker {
	k.stop, k.last = make(chan struct{}), time.Now()
	k.running.Go(k.say)
	k.running.Go(k.repeat)
	k.running.Go(k.hear)
	t.Cleanup(k.Close)
	k.GoesOn()
	k.mu.Lock()
	k.gap = 0
	k.mu.Unlock()
	return k
}

func (k *Ticker) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-k.stop:
	default:
		k.broken = errors.Join(k.broken, err)
	}
}

func (k *Ticker) say() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for number := uint64(1); ; number++ {
		if _, err := k.client.Write(binary.BigEndian.AppendUint64(nil, number)); err != nil {
			k.fail(fmt.Errorf("the client cannot send: %w", err))
			return
		}
		select {
		case <-k.stop:
			return
		case <-ticker.C:
		}
	}
}

func (k *Ticker) repeat() {
	k.each(k.server, "the server", func(b []byte) error {
		_, err := k.server.Write(b)
		return err
	})
}

func (k *Ticker) hear() {
	k.each(k.client, "the client", func(b []byte) error {
		k.mu.Lock()
		defer k.mu.Unlock()
		now := time.Now()
		k.heard, k.gap, k.last = binary.BigEndian.Uint64(b), max(k.gap, now.Sub(k.last)), now
		return nil
	})
}

// each reads numbers and checks their order.
func (k *Ticker) each(from io.Reader, who string, then func([]byte) error) {
	b := make([]byte, 8)
	for last := uint64(0); ; {
		if _, err := io.ReadFull(from, b); err != nil {
			k.fail(fmt.Errorf("%s cannot receive: %w", who, err))
			return
		}
		number := binary.BigEndian.Uint64(b)
		if number != last+1 && !k.datagrams {
			k.fail(fmt.Errorf("%s received %d after %d", who, number, last))
			return
		}
		last = number
		if err := then(b); err != nil {
			k.fail(fmt.Errorf("%s cannot answer: %w", who, err))
			return
		}
	}
}

func (k *Ticker) state() (heard uint64, gap time.Duration, broken error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.heard, k.gap, k.broken
}

// goesOn is how many numbers must come back before a connection counts as going on.
const goesOn = 20

// GoesOn fails the test unless numbers go on coming back, in their order.
func (k *Ticker) GoesOn() {
	k.t.Helper()
	before, _, _ := k.state()
	Eventually(k.t, "the connection goes on", func() bool {
		heard, _, broken := k.state()
		if broken != nil {
			k.t.Fatalf("The connection broke: %v", broken)
		}
		return heard >= before+goesOn
	})
}

// Stands says whether no number comes back for a time.
func (k *Ticker) Stands(d time.Duration) bool {
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		k.mu.Lock()
		quiet := time.Since(k.last)
		k.mu.Unlock()
		if quiet >= d {
			return true
		}
		select {
		case <-timer.C:
			return false
		case <-ticker.C:
		}
	}
}

// Gap is the longest time between two numbers that came back since the connection began.
func (k *Ticker) Gap() time.Duration {
	_, gap, _ := k.state()
	return gap
}

// Close ends the connection.
func (k *Ticker) Close() {
	k.mu.Lock()
	select {
	case <-k.stop:
		k.mu.Unlock()
		return
	default:
		close(k.stop)
	}
	k.mu.Unlock()
	_ = k.client.Close()
	_ = k.server.Close()
	k.running.Wait()
}
