package sender

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/state"
)

// fill adds frames of a size until the flight is full, and returns how many it took.
func fill(f *flight, bytes, atMost int) int {
	metrics := NewMetrics(prometheus.NewRegistry()).Class(state.ConnectionCache)
	for n := range atMost {
		if f.isFull() {
			return n
		}
		f.add(sentFrame{position: uint64(n + 1), records: 1, bytes: bytes, metrics: metrics})
	}
	return atMost
}

func TestFlightIsBoundedByFrames(t *testing.T) {
	f := &flight{limits: flightLimits{frames: 10, bytes: 1 << 20}}
	if n := fill(f, 100, 50); n != 10 {
		t.Fatalf("full after %d frames, want 10", n)
	}
	if a := f.acknowledge(3, 0, time.Now()); !a.madeRoom || f.isFull() {
		t.Errorf("3 frames were acknowledged and there is no room: %+v", a)
	}
	if n := len(f.frames); n != 7 || f.bytes != 700 {
		t.Errorf("%d frames of %d bytes are left, want 7 of 700", n, f.bytes)
	}
}

// The frame that reaches the bound may exceed it, so that a frame is never too large.
func TestFlightIsBoundedByBytes(t *testing.T) {
	f := &flight{limits: flightLimits{frames: 1000, bytes: 1000}}
	if n := fill(f, 300, 50); n != 4 || f.bytes != 1200 {
		t.Fatalf("full after %d frames of %d bytes, want 4 of 1200", n, f.bytes)
	}
	if a := f.acknowledge(1, 0, time.Now()); !a.madeRoom || f.isFull() {
		t.Errorf("one frame was acknowledged and there is no room: %+v", a)
	}
	if a := f.acknowledge(4, 0, time.Now()); a.madeRoom || f.bytes != 0 || len(f.frames) != 0 {
		t.Errorf("all was acknowledged and %d frames of %d bytes are left: %+v", len(f.frames), f.bytes, a)
	}
}

func TestFlightMeasuresLagOfTheNewestFrame(t *testing.T) {
	f := &flight{limits: defaultFlightLimits}
	metrics := NewMetrics(prometheus.NewRegistry()).Class(state.ConnectionCache)
	now := time.Now()
	f.add(sentFrame{position: 1, oldest: now.Add(-time.Second), metrics: metrics})
	f.add(sentFrame{position: 2, metrics: metrics}) // of a snapshot
	f.add(sentFrame{position: 3, oldest: now.Add(-300 * time.Millisecond), metrics: metrics})
	if a := f.acknowledge(2, 0, now); a.hasLag {
		t.Errorf("a part of a snapshot has a lag of %s", a.lag)
	}
	if a := f.acknowledge(3, 100*time.Millisecond, now); !a.hasLag || a.lag != 200*time.Millisecond {
		t.Errorf("got a lag of %s, want 200ms", a.lag)
	}
}
