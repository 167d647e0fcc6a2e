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

// Place is where a tracer stands.
type Place struct {
	// Namespace is the path of the server's network namespace, Interface the one that leads to the pair.
	Namespace, Interface string
	// UDP is the port that streams and probes are sent to, TCP that of connections which are noted too.
	UDP, TCP uint16
}

// Tracer notes what is forwarded until its context ends.
type Tracer struct {
	place  Place
	socket *socket
	sink   io.Closer
	done   sync.WaitGroup

	mu   sync.Mutex
	seen Sightings
	err  error
}

// Sightings are all that a tracer has seen.
type Sightings struct {
	Forwarders Forwarders
	// Stream is how the packets of the Stream arrived.
	Stream Tally
	// Probes counts the probes that were forwarded.
	Probes uint64
	// Connections counts the packets of TCP.
	Connections uint64
}

// Listen starts a tracer. It ends with the context; Wait for it.
func Listen(ctx context.Context, place Place) (*Tracer, error) {
	// Somebody must be at home at the port, or the server would refuse every packet.
	address := fmt.Sprintf(":%d", place.UDP)
	sink, err := namespace.ListenPacket(ctx, place.Namespace, "udp", address)
	if err != nil {
		return nil, fmt.Errorf("opening UDP port %d of the server: %w", place.UDP, err)
	}
	s, err := openSocket(place.Namespace, place.Interface, unix.ETH_P_ALL)
	if err != nil {
		return nil, errors.Join(err, sink.Close())
	}
	w := &Tracer{place: place, socket: s, sink: sink}
	w.done.Go(w.listen)
	w.done.Go(func() {
		<-ctx.Done()
		_ = s.close() // ends listen
		_ = sink.Close()
	})
	return w, nil
}

// Wait returns when the tracer has ended.
func (w *Tracer) Wait() { w.done.Wait() }

// Sightings are all that was seen so far. The error says that something may have been missed.
func (w *Tracer) Sightings() (Sightings, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	seen.Forwarders.segments = seen.Forwarders.Segments()
	seen.Stream.Gaps = append([]Gap(nil), seen.Stream.Gaps...)
	return seen, errors.Join(w.err, w.missed())
}

// Forget forgets the losses of the Stream so far. Who forwarded stays.
func (w *Tracer) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.Stream.Forget()
}

// Forwarder is the station whose packet came last, and when; false before the first.
func (w *Tracer) Forwarder() (Station, time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	segments := w.seen.Forwarders.segments
	if len(segments) == 0 {
		return Station{}, time.Time{}, false
	}
	last := segments[len(segments)-1]
	return last.Station, last.Last, true
}

// missed tells of frames that the kernel could not keep. What was missed once stays an error.
func (w *Tracer) missed() error {
	dropped, err := w.socket.dropped()
	switch {
	case errors.Is(err, os.ErrClosed):
		return nil
	case err == nil && dropped > 0:
		err = fmt.Errorf("the tracer was too slow: the kernel dropped %d frames for it", dropped)
	}
	if err != nil {
		w.err = errors.Join(w.err, err)
	}
	return err
}

func (w *Tracer) listen() {
	buffer := make([]byte, snap)
	for {
		a, err := w.socket.receive(buffer)
		if errors.Is(err, unix.ENETDOWN) {
			continue // told once when the interface goes down; it may come back
		}
		if err != nil {
			if !errors.Is(err, os.ErrClosed) {
				w.mu.Lock()
				w.err = fmt.Errorf("the tracer ended: %w", err)
				w.mu.Unlock()
			}
			return
		}
		if f, ok := parseFrame(buffer[:a.size]); ok && f.to == w.socket.station {
			w.note(f, a.at)
		}
	}
}

func (w *Tracer) note(f frame, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case f.protocol == unix.IPPROTO_TCP && f.port == w.place.TCP:
		w.seen.Connections++
	case f.protocol == unix.IPPROTO_UDP && f.port == w.place.UDP:
		m, ok := parseMark(f.payload)
		if !ok {
			return
		}
		if m.stream == streamOfHost {
			w.seen.Stream.Observe(m.number, m.sent, at)
		} else {
			w.seen.Probes++
		}
	default:
		return
	}
	w.seen.Forwarders.Observe(f.from, at)
}
