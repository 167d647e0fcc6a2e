package endurance_test

import (
	"context"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/internal/endurance"
)

// loopback is a host with the sockets of this process.
type loopback struct{}

func (loopback) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

func (loopback) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(ctx, network, address)
}

func (loopback) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	return (&net.ListenConfig{}).ListenPacket(ctx, network, address)
}

func (loopback) Start(command *exec.Cmd) error { return command.Start() }

var anyPort = netip.MustParseAddrPort("127.0.0.1:0")

// faults change the packets and segments that a host sends. Without a change they pass unchanged.
type faults struct {
	mu        sync.Mutex
	change    func([]byte) []byte
	otherPort bool
}

// set sets the change for everything sent from now on. nil means no change.
func (f *faults) set(change func([]byte) []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.change = change
}

func (f *faults) apply(b []byte) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.change == nil {
		return b
	}
	return f.change(slices.Clone(b))
}

// changePort makes the host see all datagrams come from another port.
func (f *faults) changePort() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.otherPort = true
}

// translate returns the port that the host sees in place of another, in both directions.
func (f *faults) translate(port uint16) uint16 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.otherPort {
		return port ^ 1
	}
	return port
}

// hold delays everything until the given time has passed.
func (f *faults) hold(d time.Duration) {
	over := time.Now().Add(d)
	f.set(func(b []byte) []byte {
		timer := time.NewTimer(time.Until(over))
		<-timer.C
		return b
	})
}

func changed(b []byte) []byte {
	b[len(b)-1] ^= 1
	return b
}

func lost([]byte) []byte { return nil }

// faulty is a host whose sent data is subject to faults.
type faulty struct {
	loopback
	*faults
}

func (h faulty) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := h.loopback.Dial(ctx, network, address)
	return faultyConn{conn, h.faults}, err
}

func (h faulty) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	listener, err := h.loopback.Listen(ctx, network, address)
	return faultyListener{listener, h.faults}, err
}

func (h faulty) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	conn, err := h.loopback.ListenPacket(ctx, network, address)
	return faultyPackets{conn, h.faults}, err
}

type faultyListener struct {
	net.Listener
	faults *faults
}

func (l faultyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return faultyConn{conn, l.faults}, err
}

type faultyConn struct {
	net.Conn
	faults *faults
}

// Write reports success for data that the faults discarded, as a kernel does.
func (c faultyConn) Write(b []byte) (int, error) {
	if sent := c.faults.apply(b); len(sent) > 0 {
		if _, err := c.Conn.Write(sent); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

type faultyPackets struct {
	net.PacketConn
	faults *faults
}

func (c faultyPackets) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.PacketConn.ReadFrom(b)
	return n, c.translate(from), err
}

func (c faultyPackets) WriteTo(b []byte, to net.Addr) (int, error) {
	if sent := c.faults.apply(b); len(sent) > 0 {
		return c.PacketConn.WriteTo(sent, c.translate(to))
	}
	return len(b), nil
}

func (c faultyPackets) translate(address net.Addr) net.Addr {
	if udp, ok := address.(*net.UDPAddr); ok {
		return &net.UDPAddr{IP: udp.IP, Port: int(c.faults.translate(uint16(udp.Port)))}
	}
	return address
}

// begin starts traffic that ends with the test.
func begin(t *testing.T, traffic endurance.Traffic) {
	t.Helper()
	t.Cleanup(traffic.Close)
	if err := traffic.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	traffic.Reset()
}

// checkTimeout is enough for healthy traffic to prove that it continues.
const checkTimeout = 5 * time.Second

// check checks traffic.
func check(t *testing.T, traffic endurance.Traffic) endurance.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), checkTimeout)
	defer cancel()
	return traffic.Check(ctx)
}
