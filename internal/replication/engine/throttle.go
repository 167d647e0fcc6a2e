package engine

import (
	"time"

	"golang.org/x/time/rate"
)

// throttle bounds how many records are sent in a second. It never waits itself: whoever sends has other frames to send
// meanwhile.
type throttle struct{ limiter *rate.Limiter }

// newThrottle makes a throttle; 0 records a second is none. Its burst is one full frame, or a frame could never be
// sent.
func newThrottle(recordsPerSecond int) throttle {
	if recordsPerSecond == 0 {
		return throttle{limiter: rate.NewLimiter(rate.Inf, 0)}
	}
	return throttle{limiter: rate.NewLimiter(rate.Limit(recordsPerSecond), maxRecords)}
}

// wait is how long it takes until records may be sent; 0 is now.
func (t throttle) wait(now time.Time) time.Duration {
	if t.limiter.Limit() == rate.Inf {
		return 0
	}
	missing := 1 - t.limiter.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / float64(t.limiter.Limit()) * float64(time.Second))
}

// spend takes what was sent from the allowance. A frame may hold more than is left, and the next one waits for it.
func (t throttle) spend(now time.Time, records int) {
	if t.limiter.Limit() != rate.Inf {
		t.limiter.ReserveN(now, records)
	}
}
