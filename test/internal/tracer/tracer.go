package tracer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/namespace"
)

// Config is where a tracer observes.
type Config struct {
	// Namespace is the path of the server's network namespace. Interface is the one that leads to the pair.
	Namespace, Interface string
	// UDP is the port that streams and probes are sent to. TCP is that of the connections to record.
	UDP, TCP uint16
}

// Tracer records what is forwarded until its context ends.
type Tracer struct {
	config Config
	socket *socket
	sink   io.Closer
	done   sync.WaitGroup

	mu   sync.Mutex
	seen Observations
	err  error
}

// Observations is everything that a tracer has recorded.
type Observations struct {
	Forwarders Forwarders
	// Stream describes how the packets of the Stream arrived.
	Stream StreamStats
	// Probes counts the probes that were forwarded.
	Probes uint64
	// Connections counts the TCP packets.
	Connections uint64
}

// Listen starts a tracer. It ends with the context. Call Wait afterwards.
func Listen(ctx context.Context, config Config) (*Tracer, error) {
	// Without a socket at the port, the server would answer every packet with an ICMP error.
	address := fmt.Sprintf(":%d", config.UDP)
	sink, err := namespace.ListenPacket(ctx, config.Namespace, "udp", address)
	if err != nil {
		return nil, fmt.Errorf("opening UDP port %d of the server: %w", config.UDP, err)
	}
	s, err := openSocket(config.Namespace, config.Interface, unix.ETH_P_ALL)
	if err != nil {
		return nil, errors.Join(err, sink.Close())
	}
	t := &Tracer{config: config, socket: s, sink: sink}
	t.done.Go(t.listen)
	t.done.Go(func() {
		<-ctx.Done()
		_ = s.close() // ends listen
		_ = sink.Close()
	})
	return t, nil
}

// Wait returns when the tracer has ended.
func (t *Tracer) Wait() { t.done.Wait() }

// Observations returns everything recorded so far. An error means that packets may have been missed.
func (t *Tracer) Observations() (Observations, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := t.seen
	seen.Forwarders.segments = seen.Forwarders.Segments()
	seen.Stream.Gaps = append([]Gap(nil), seen.Stream.Gaps...)
	return seen, errors.Join(t.err, t.checkDrops())
}

// Reset discards the losses of the Stream so far. The record of forwarders stays.
func (t *Tracer) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen.Stream.Reset()
}

// Forwarder returns the station that forwarded the newest packet, and when, or false before the first packet.
func (t *Tracer) Forwarder() (Station, time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	segments := t.seen.Forwarders.segments
	if len(segments) == 0 {
		return Station{}, time.Time{}, false
	}
	last := segments[len(segments)-1]
	return last.Station, last.Last, true
}

// checkDrops returns an error if the kernel dropped frames. The error stays for all later calls.
func (t *Tracer) checkDrops() error {
	dropped, err := t.socket.dropped()
	switch {
	case errors.Is(err, os.ErrClosed):
		return nil
	case err == nil && dropped > 0:
		err = fmt.Errorf("the tracer was too slow: the kernel dropped %d frames for it", dropped)
	}
	if err != nil {
		t.err = errors.Join(t.err, err)
	}
	return err
}

func (t *Tracer) listen() {
	err := t.socket.each(func(f frame, a received) {
		if f.to == t.socket.station {
			t.note(f, a.at)
		}
	})
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.err = fmt.Errorf("the tracer stopped: %w", err)
	}
}

func (t *Tracer) note(f frame, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case f.protocol == unix.IPPROTO_TCP && f.port == t.config.TCP:
		t.seen.Connections++
	case f.protocol == unix.IPPROTO_UDP && f.port == t.config.UDP:
		m, ok := parseStamp(f.payload)
		if !ok {
			return
		}
		if m.stream == streamOfHost {
			t.seen.Stream.Observe(m.number, m.sent, at)
		} else {
			t.seen.Probes++
		}
	default:
		return
	}
	t.seen.Forwarders.Observe(f.from, at)
}
