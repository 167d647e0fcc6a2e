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

// Beats is how heartbeats fared that a unit sent.
type Beats struct {
	Sent, Acknowledged int
	// Median, P99 and Longest are of the time from sending a heartbeat until its acknowledgement was there.
	Median, P99, Longest time.Duration
	// Silence is the longest time between two acknowledgements.
	Silence time.Duration
}

// String is the beats for a person.
func (b Beats) String() string {
	return fmt.Sprintf("%d of %d acknowledged, after p50 %s, p99 %s, at most %s; longest silence %s",
		b.Acknowledged, b.Sent, b.Median.Round(time.Microsecond), b.P99.Round(time.Microsecond),
		b.Longest.Round(time.Microsecond), b.Silence.Round(time.Microsecond))
}

// Heard is what a unit heard of the peer's heartbeats.
type Heard struct {
	Count int
	// Silence is the longest time between two of them.
	Silence time.Duration
}

// pulse is something that comes again and again.
type pulse struct {
	count   int
	last    time.Time
	silence time.Duration
}

func (p *pulse) beat(now time.Time) {
	if p.count > 0 {
		p.silence = max(p.silence, now.Sub(p.last))
	}
	p.count++
	p.last = now
}

// heart is a unit's heartbeats: it acknowledges those that it hears, and sends as many as the test wants.
type heart struct {
	link *heartbeat.Link

	mu       sync.Mutex
	sequence uint64
	waiting  map[uint64]time.Time // when a heartbeat was sent that is not acknowledged
	trips    []time.Duration
	answers  pulse
	heard    pulse
	answered chan struct{} // signalled when nothing is waited for
}

func newHeart(log logr.Logger) (*heart, error) {
	link, err := heartbeat.Listen(heartbeat.Config{Address: fmt.Sprint(":", syncPort), Log: log})
	if err != nil {
		return nil, err
	}
	return &heart{link: link, waiting: map[uint64]time.Time{}, answered: make(chan struct{}, 1)}, nil
}

// converse learns of a session.
func (h *heart) converse(e engine.PeerConnected) {
	h.link.Rekey(netip.AddrPortFrom(e.Address, syncPort), e.Incarnation, e.Keys)
}

func (h *heart) received(_ string, m heartbeat.Message) {
	now := time.Now()
	h.mu.Lock()
	if !m.Acknowledgement {
		h.heard.beat(now)
		h.mu.Unlock()
		m.Acknowledgement = true
		_ = h.link.Send(m) // one that is lost is counted by who waits for it
		return
	}
	defer h.mu.Unlock()
	sent, ok := h.waiting[m.Sequence]
	if !ok {
		return // it came twice
	}
	delete(h.waiting, m.Sequence)
	h.trips = append(h.trips, now.Sub(sent))
	h.answers.beat(now)
	if len(h.waiting) == 0 {
		select {
		case h.answered <- struct{}{}:
		default:
		}
	}
}

// beat sends heartbeats at an interval, and waits a moment for the last acknowledgements.
func (h *heart) beat(ctx context.Context, interval time.Duration, count int) Beats {
	h.mu.Lock()
	clear(h.waiting)
	h.trips, h.answers = nil, pulse{}
	h.mu.Unlock()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for range count {
		select {
		case <-ctx.Done():
			return h.beats(count)
		case <-ticker.C:
		}
		h.mu.Lock()
		h.sequence++
		m := heartbeat.Message{Sequence: h.sequence}
		h.waiting[m.Sequence] = time.Now()
		h.mu.Unlock()
		_ = h.link.Send(m) // one that is lost is not acknowledged
	}
	late := time.NewTimer(time.Second)
	defer late.Stop()
	for h.anyWaiting() {
		select {
		case <-late.C:
			return h.beats(count)
		case <-h.answered:
		}
	}
	return h.beats(count)
}

func (h *heart) anyWaiting() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waiting) > 0
}

func (h *heart) beats(sent int) Beats {
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.Sort(h.trips)
	b := Beats{Sent: sent, Acknowledged: len(h.trips), Silence: h.answers.silence}
	if n := len(h.trips); n > 0 {
		b.Median, b.P99, b.Longest = h.trips[n/2], h.trips[n*99/100], h.trips[n-1]
	}
	return b
}

// hear tells what was heard since it was asked last.
func (h *heart) hear() Heard {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer func() { h.heard = pulse{} }()
	return Heard{Count: h.heard.count, Silence: h.heard.silence}
}
