package pair

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/heartbeat"
	"github.com/hapair-io/hapair/internal/replication/engine"
)

// SentHeartbeats describes the heartbeats that a unit sent.
type SentHeartbeats struct {
	Sent, Acknowledged int
	// Median, P99 and Longest are times from a heartbeat to its acknowledgement.
	Median, P99, Longest time.Duration
	// Silence is the longest time between two acknowledgements.
	Silence time.Duration
}

// String returns the values in words.
func (b SentHeartbeats) String() string {
	return fmt.Sprintf("%d of %d acknowledged, after p50 %s, p99 %s, at most %s; longest silence %s",
		b.Acknowledged, b.Sent, b.Median.Round(time.Microsecond), b.P99.Round(time.Microsecond),
		b.Longest.Round(time.Microsecond), b.Silence.Round(time.Microsecond))
}

// ReceivedHeartbeats describes the heartbeats that a unit received from its peer.
type ReceivedHeartbeats struct {
	Count int
	// Silence is the longest time between two of them.
	Silence time.Duration
}

// series counts events and measures the longest time between two of them.
type series struct {
	count   int
	last    time.Time
	silence time.Duration
}

func (s *series) add(now time.Time) {
	if s.count > 0 {
		s.silence = max(s.silence, now.Sub(s.last))
	}
	s.count++
	s.last = now
}

// heartbeats acknowledges the heartbeats that it receives, and sends as many as the test wants.
type heartbeats struct {
	link *heartbeat.Link

	mu       sync.Mutex
	sequence uint64
	waiting  map[uint64]time.Time // when a heartbeat was sent that is not acknowledged
	trips    []time.Duration
	answers  series
	heard    series
	answered chan struct{} // signalled when nothing is waited for
}

func newHeartbeats(log logr.Logger) (*heartbeats, error) {
	link, err := heartbeat.Listen(heartbeat.Config{Address: fmt.Sprint(":", syncPort), Log: log})
	if err != nil {
		return nil, err
	}
	return &heartbeats{link: link, waiting: map[uint64]time.Time{}, answered: make(chan struct{}, 1)}, nil
}

// connected adopts the keys of a new session.
func (h *heartbeats) connected(e engine.PeerConnected) {
	h.link.Rekey(netip.AddrPortFrom(e.Address, syncPort), e.Incarnation, e.Keys)
}

func (h *heartbeats) received(_ string, m heartbeat.Message) {
	now := time.Now()
	h.mu.Lock()
	if !m.Acknowledgement {
		h.heard.add(now)
		h.mu.Unlock()
		m.Acknowledgement = true
		_ = h.link.Send(m) // the sender counts a lost one
		return
	}
	defer h.mu.Unlock()
	sent, ok := h.waiting[m.Sequence]
	if !ok {
		return // a duplicate
	}
	delete(h.waiting, m.Sequence)
	h.trips = append(h.trips, now.Sub(sent))
	h.answers.add(now)
	if len(h.waiting) == 0 {
		select {
		case h.answered <- struct{}{}:
		default:
		}
	}
}

// send sends heartbeats at an interval, and waits up to a second for the last acknowledgements.
func (h *heartbeats) send(ctx context.Context, interval time.Duration, count int) SentHeartbeats {
	h.mu.Lock()
	clear(h.waiting)
	h.trips, h.answers = nil, series{}
	h.mu.Unlock()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for range count {
		select {
		case <-ctx.Done():
			return h.summary(count)
		case <-ticker.C:
		}
		h.mu.Lock()
		h.sequence++
		m := heartbeat.Message{Sequence: h.sequence}
		h.waiting[m.Sequence] = time.Now()
		h.mu.Unlock()
		_ = h.link.Send(m) // a lost one is not acknowledged
	}
	late := time.NewTimer(time.Second)
	defer late.Stop()
	for h.anyWaiting() {
		select {
		case <-late.C:
			return h.summary(count)
		case <-h.answered:
		}
	}
	return h.summary(count)
}

func (h *heartbeats) anyWaiting() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waiting) > 0
}

func (h *heartbeats) summary(sent int) SentHeartbeats {
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.Sort(h.trips)
	b := SentHeartbeats{Sent: sent, Acknowledged: len(h.trips), Silence: h.answers.silence}
	if n := len(h.trips); n > 0 {
		b.Median, b.P99, b.Longest = h.trips[n/2], h.trips[n*99/100], h.trips[n-1]
	}
	return b
}

// takeReceived returns what was received since its last call.
func (h *heartbeats) takeReceived() ReceivedHeartbeats {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer func() { h.heard = series{} }()
	return ReceivedHeartbeats{Count: h.heard.count, Silence: h.heard.silence}
}
