package engine

import (
	"slices"
	"time"
)

// flight is the frames of state that were sent and not acknowledged, in their order.
type flight struct {
	frames []sentFrame
	// lag is the age of the oldest change of the frame that was acknowledged last.
	lag time.Duration
}

// sentFrame is one of them.
type sentFrame struct {
	position uint64
	records  int
	// oldest is when the oldest of its changes came; zero for a part of a snapshot, whose entries have no age.
	oldest  time.Time
	metrics *classMetrics
}

func (f *flight) sent(frame sentFrame) { f.frames = append(f.frames, frame) }

// acked takes in that everything up to the position is written.
func (f *flight) acked(position uint64, now time.Time) {
	done := 0
	for ; done < len(f.frames) && f.frames[done].position <= position; done++ {
		frame := f.frames[done]
		frame.metrics.acknowledged.Add(float64(frame.records))
		if !frame.oldest.IsZero() {
			f.lag = now.Sub(frame.oldest)
			frame.metrics.lag.Observe(f.lag.Seconds())
		}
	}
	f.frames = slices.Delete(f.frames, 0, done)
}
