package engine

import (
	"slices"
	"time"
)

// flight is the frames of state that were sent and not acknowledged, in their order.
type flight struct {
	frames []sentFrame
	// lag is the age that the oldest change of the frame that was acknowledged last had when it was written.
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

// acked takes in that everything up to the position is written, and the last of it was so long ago. Of the frames that
// one acknowledgement stands for the lag of the newest is known, and counted.
func (f *flight) acked(position uint64, held time.Duration, now time.Time) {
	done := 0
	for ; done < len(f.frames) && f.frames[done].position <= position; done++ {
		frame := f.frames[done]
		frame.metrics.acknowledged.Add(float64(frame.records))
		if frame.position == position && !frame.oldest.IsZero() {
			f.lag = max(0, now.Sub(frame.oldest)-held)
			frame.metrics.lag.Observe(f.lag.Seconds())
		}
	}
	f.frames = slices.Delete(f.frames, 0, done)
}
