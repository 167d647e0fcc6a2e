package tracer

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hapair-io/hapair/test/internal/ontime"
	"github.com/hapair-io/hapair/test/namespace"
)

// streamOfHost is the one Stream. Greater numbers are probes.
const streamOfHost streamID = 1

// Stream is a host that sends numbered packets at a steady pace.
type Stream struct {
	conn net.Conn
	done sync.WaitGroup

	mu     sync.Mutex
	newest uint64
}

// Send starts a stream to the tracer's port, from the host with the network namespace at a path. It ends with the
// context. Call Wait afterwards.
func Send(ctx context.Context, path string, to netip.AddrPort, interval time.Duration) (*Stream, error) {
	conn, err := namespace.Dial(ctx, path, "udp", to.String())
	if err != nil {
		return nil, fmt.Errorf("starting the stream: %w", err)
	}
	s := &Stream{conn: conn}
	s.done.Go(func() {
		defer func() { _ = conn.Close() }()
		ontime.Every(ctx, interval, s.send)
	})
	return s, nil
}

// Newest returns the number of the packet sent last.
func (s *Stream) Newest() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest
}

// Wait returns when the stream has ended.
func (s *Stream) Wait() { s.done.Wait() }

func (s *Stream) send() {
	s.mu.Lock()
	s.newest++
	m := stamp{stream: streamOfHost, number: s.newest, sent: time.Now()}
	s.mu.Unlock()
	// If the host finds no neighbour, the packet is lost, like one that the pair does not forward.
	_, _ = s.conn.Write(m.append(make([]byte, 0, payloadSize)))
}

// Prober is a host that sends to each of several stations, regardless of who has the virtual addresses.
type Prober struct {
	socket   *socket
	from, to netip.AddrPort
	done     sync.WaitGroup

	mu      sync.Mutex
	targets []Station
	number  uint64
	sent    uint64
	err     error
}

// Probe starts a prober on the interface of a host. It sends nothing until Aim sets its targets. It ends with the
// context. Call Wait afterwards.
func Probe(
	ctx context.Context, path, ifname string, from, to netip.AddrPort, interval time.Duration,
) (*Prober, error) {
	s, err := openSocket(path, ifname, 0)
	if err != nil {
		return nil, fmt.Errorf("starting probes: %w", err)
	}
	p := &Prober{socket: s, from: from, to: to}
	p.done.Go(func() {
		defer func() { _ = s.close() }()
		ontime.Every(ctx, interval, p.send)
	})
	return p, nil
}

// Aim sets the stations that probes are sent to.
func (p *Prober) Aim(targets []Station) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = slices.Clone(targets)
}

// Sent returns how many probes were sent, and why some were not.
func (p *Prober) Sent() (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent, p.err
}

// Wait returns when the prober has ended.
func (p *Prober) Wait() { p.done.Wait() }

func (p *Prober) send() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.number++
	for i, target := range p.targets {
		m := stamp{stream: streamOfHost + 1 + streamID(i), number: p.number, sent: time.Now()}
		b, err := buildFrame(target, p.socket.station, p.from, p.to, m.append(nil))
		if err == nil {
			err = p.socket.send(b)
		}
		if err != nil {
			p.err = fmt.Errorf("probing %s: %w", target, err)
			continue
		}
		p.sent++
	}
}
