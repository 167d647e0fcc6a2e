package sender

import (
	"slices"
	"sync"
	"time"
)

// flightLimits bound the frames that were sent and not acknowledged.
type flightLimits struct{ frames, bytes int }

// reached reports whether either limit is reached.
func (l flightLimits) reached(frames, bytes int) bool { return frames >= l.frames || bytes >= l.bytes }

// defaultFlightLimits hold several times what an active sends in 50 ms, the longest time between two acknowledgements.
// So only a slow network or a standby that hangs reaches them. Then changes wait in the queues of their classes, where
// they are merged.
var defaultFlightLimits = flightLimits{frames: 1 << 14, bytes: 16 << 20}

// flight holds the frames of state that were sent and not acknowledged, in order. It is bounded by count and bytes: at
// either bound isFull reports true, and the caller adds nothing until an acknowledgement makes room. The frame that
// reaches the bound of bytes may exceed it. Its methods are safe for concurrent use.
type flight struct {
	limits flightLimits

	mu     sync.Mutex
	frames []sentFrame
	bytes  int
}

// sentFrame is one frame that was sent.
type sentFrame struct {
	position uint64
	records  int
	bytes    int
	// oldest is when the oldest of its changes arrived; zero for a part of a snapshot, whose entries have no age.
	oldest  time.Time
	metrics *ClassMetrics
}

// isFull reports whether no frame may be added now.
func (f *flight) isFull() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.limits.reached(len(f.frames), f.bytes)
}

// add records a frame that is about to be sent.
func (f *flight) add(frame sentFrame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frames = append(f.frames, frame)
	f.bytes += frame.bytes
}

// acknowledged describes what an acknowledgement changed.
type acknowledged struct {
	// madeRoom is set if the flight was full and is not any more.
	madeRoom bool
	// hasLag is set if the lag of the newest frame is known. It is not for a part of a snapshot.
	hasLag bool
	// lag is the age of the oldest change of the newest frame when it was written.
	lag time.Duration
}

// acknowledge removes the frames up to a position, which the standby wrote held ago. It observes the lag of the newest
// of them; that of the others is not known.
func (f *flight) acknowledge(position uint64, held time.Duration, now time.Time) (a acknowledged) {
	f.mu.Lock()
	defer f.mu.Unlock()
	wasFull := f.limits.reached(len(f.frames), f.bytes)
	done := 0
	for ; done < len(f.frames) && f.frames[done].position <= position; done++ {
		frame := f.frames[done]
		f.bytes -= frame.bytes
		frame.metrics.acknowledged.Add(float64(frame.records))
		if frame.position == position && !frame.oldest.IsZero() {
			a.hasLag, a.lag = true, max(0, now.Sub(frame.oldest)-held)
			frame.metrics.lag.Observe(a.lag.Seconds())
		}
	}
	f.frames = slices.Delete(f.frames, 0, done)
	a.madeRoom = wasFull && !f.limits.reached(len(f.frames), f.bytes)
	return a
}
