package engine

import "time"

// lagMeter measures how long state takes from being sent until it is written on the standby: one frame at a time, since
// a sample is enough.
type lagMeter struct {
	position uint64 // of the frame that is under way; 0 when none is
	sent     time.Time
	last     time.Duration
}

func (l *lagMeter) sending(position uint64, now time.Time) {
	if l.position == 0 {
		l.position, l.sent = position, now
	}
}

func (l *lagMeter) acked(position uint64, now time.Time) {
	if l.position != 0 && position >= l.position {
		l.last, l.position = now.Sub(l.sent), 0
	}
}
