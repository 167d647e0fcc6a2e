//go:build netns

package enforcement_test

import (
	"encoding/binary"
	"net"
	"sync"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
)

// stream is datagrams from the client to one port of the server, one every millisecond.
type stream struct {
	from, to *net.UDPConn
	stop     chan struct{}
	parts    sync.WaitGroup

	mu            sync.Mutex
	sent, arrived []time.Time // The arrival of a lost datagram is zero.
}

func (b *bed) stream(port int) *stream {
	b.Helper()
	s := &stream{stop: make(chan struct{})}
	address := &net.UDPAddr{IP: net.ParseIP(serverAddress), Port: port}
	err := b.server.Do(func() (err error) {
		s.to, err = net.ListenUDP("udp", address)
		return err
	})
	if err == nil {
		err = b.client.Do(func() (err error) {
			s.from, err = net.DialUDP("udp", nil, address)
			return err
		})
	}
	if err != nil {
		b.Fatal(err)
	}
	s.parts.Go(s.send)
	s.parts.Go(s.receive)
	b.Cleanup(s.end)
	return s
}

func (s *stream) send() {
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
		s.sent, s.arrived = append(s.sent, time.Now()), append(s.arrived, time.Time{})
		s.mu.Unlock()
		_, _ = s.from.Write(number) // The client may have no neighbour.
	}
}

func (s *stream) receive() {
	number := make([]byte, 8)
	for {
		if _, err := s.to.Read(number); err != nil {
			return
		}
		s.mu.Lock()
		s.arrived[binary.BigEndian.Uint64(number)] = time.Now()
		s.mu.Unlock()
	}
}

// end ends the stream. It may be called again.
func (s *stream) end() {
	select {
	case <-s.stop:
	default:
		close(s.stop)
		_ = s.from.Close()
		_ = s.to.Close()
	}
	s.parts.Wait()
}

// count returns how many datagrams arrived that were sent after an instant.
func (s *stream) count(since time.Time) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, sent := range s.sent {
		if sent.After(since) && !s.arrived[i].IsZero() {
			n++
		}
	}
	return n
}

// gap returns how long after an instant the last datagram passed before one was lost, and how long after it they passed
// again. It looks for losses until another instant.
func (s *stream) gap(since, until time.Time) (begins, ends time.Duration, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, sent := range s.sent {
		switch lost := s.arrived[i].IsZero(); {
		case sent.Before(since), !found && sent.After(until):
		case lost:
			found = true
		case found:
			return begins, s.arrived[i].Sub(since), true
		default:
			begins = sent.Sub(since)
		}
	}
	return begins, 0, false
}

// passes waits until the datagrams arrive.
func (b *bed) passes(s *stream) {
	b.Helper()
	since := time.Now()
	testbed.Eventually(b, "datagrams arrive", func() bool { return s.count(since) > 20 })
}

// stops waits until no datagrams arrive any more, and checks that it stays so for a while.
func (b *bed) stops(s *stream) {
	b.Helper()
	testbed.Eventually(b, "datagrams are stopped", func() bool {
		since := time.Now()
		testbed.Pause(b, 100*time.Millisecond)
		return s.count(since) == 0
	})
	since := time.Now()
	testbed.Pause(b, 500*time.Millisecond)
	if n := s.count(since); n > 0 {
		b.Errorf("%d datagrams got through", n)
	}
}
