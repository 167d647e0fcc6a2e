package testbed

import (
	"encoding/binary"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/test/internal/arrival"
)

// Datagram is one of a stream. Its times are of the boot clock.
type Datagram struct {
	// Before and After are when it was sent, read before and after the call. After is zero during the call.
	Before, After time.Duration
	// Arrived is when the receiver's kernel received it; zero if never.
	Arrived time.Duration
}

// Stream is datagrams from one host to another, one every millisecond.
type Stream struct {
	t        testing.TB
	from, to *net.UDPConn
	stop     chan struct{}
	parts    sync.WaitGroup

	mu   sync.Mutex
	sent []Datagram
}

// NewStream sends from one host to an address and port of another until the test ends.
func NewStream(t testing.TB, from, to *Namespace, address string) *Stream {
	t.Helper()
	return NewStreamFrom(t, from, "", to, address)
}

// NewStreamFrom sends like NewStream, from an address and port of the sending host.
func NewStreamFrom(t testing.TB, from *Namespace, source string, to *Namespace, address string) *Stream {
	t.Helper()
	s := &Stream{t: t, stop: make(chan struct{}), to: to.ListenUDP(t, address), from: from.DialUDP(t, source, address)}
	raw, err := s.to.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	})
	if err != nil || failed != nil {
		t.Fatalf("Asking for times of arrival: %v, %v", err, failed)
	}
	s.parts.Go(s.send)
	s.parts.Go(s.receive)
	t.Cleanup(s.End)
	return s
}

func (s *Stream) send() {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	number := make([]byte, 8)
	for n := uint64(0); ; n++ {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
		}
		binary.BigEndian.PutUint64(number, n)
		s.mu.Lock()
		s.sent = append(s.sent, Datagram{Before: clock.Boot()})
		s.mu.Unlock()
		_, _ = s.from.Write(number) // It fails if the host has no neighbour.
		s.mu.Lock()
		s.sent[n].After = clock.Boot()
		s.mu.Unlock()
	}
}

func (s *Stream) receive() {
	number, control := make([]byte, 8), make([]byte, arrival.ControlSize)
	for {
		_, n, _, _, err := s.to.ReadMsgUDP(number, control)
		if err != nil {
			return
		}
		wall, ok := arrival.Time(control[:n])
		if !ok {
			s.t.Error("a datagram came without its time of arrival")
			return
		}
		s.mu.Lock()
		s.sent[binary.BigEndian.Uint64(number)].Arrived = clock.Boot() - time.Since(wall)
		s.mu.Unlock()
	}
}

// End ends the stream. It may be called again.
func (s *Stream) End() {
	select {
	case <-s.stop:
	default:
		close(s.stop)
		_ = s.from.Close()
		_ = s.to.Close()
	}
	s.parts.Wait()
}

// ArrivedSince returns how many datagrams arrived after an instant.
func (s *Stream) ArrivedSince(begin time.Duration) (n int) {
	for _, d := range s.Sent() {
		if d.Arrived > begin {
			n++
		}
	}
	return n
}

// Sent returns all datagrams so far, in their order.
func (s *Stream) Sent() []Datagram {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}
