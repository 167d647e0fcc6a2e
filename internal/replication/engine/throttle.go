package engine

import (
	"errors"
	"time"

	"golang.org/x/time/rate"
)

// Limits bound how fast state is sent; 0 is unbounded.
type Limits struct {
	RecordsPerSecond int
	// BytesPerSecond are those that the stream takes of the network, headers included.
	BytesPerSecond int
}

func (l Limits) check() error {
	if l.RecordsPerSecond < 0 || l.BytesPerSecond < 0 {
		return errors.New("the limits of a throttle must not be negative")
	}
	return nil
}

// throttle bounds how fast state is sent. It never waits itself: whoever sends has other frames to send meanwhile. It
// may be used from anywhere.
type throttle struct{ records, bytes *rate.Limiter }

// newThrottle makes a throttle.
func newThrottle(l Limits) throttle {
	t := throttle{rate.NewLimiter(rate.Inf, maxRecords), rate.NewLimiter(rate.Inf, maxBytes)}
	t.set(l)
	return t
}

func (t throttle) set(l Limits) {
	t.records.SetLimit(limit(l.RecordsPerSecond))
	t.bytes.SetLimit(limit(l.BytesPerSecond))
	t.bytes.SetBurst(t.frameBytes())
}

// leastFrame is worth a frame on the slowest link.
const leastFrame = 4 << 10

// frameBytes is how many bytes of changes one frame may hold: on a slow link no more than a tenth of a second takes, or
// a sign of life would wait long behind it.
func (t throttle) frameBytes() int {
	perSecond := t.bytes.Limit()
	if perSecond >= maxBytes*10 {
		return maxBytes
	}
	return max(leastFrame, int(perSecond)/10)
}

func limit(perSecond int) rate.Limit {
	if perSecond == 0 {
		return rate.Inf
	}
	return rate.Limit(perSecond)
}

// wait is how long it takes until state may be sent; 0 is now.
func (t throttle) wait(now time.Time) time.Duration {
	return max(untilNext(t.records, now), untilNext(t.bytes, now))
}

func untilNext(l *rate.Limiter, now time.Time) time.Duration {
	if l.Limit() == rate.Inf {
		return 0
	}
	missing := 1 - l.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / float64(l.Limit()) * float64(time.Second))
}

// spend takes the records of a frame from the allowance. It may hold more than is left, and the next one waits for it.
func (t throttle) spend(now time.Time, records int) {
	if t.records.Limit() != rate.Inf {
		t.records.ReserveN(now, records)
	}
}

// spendBytes takes the bytes of a frame from the allowance, as spend does. A limiter refuses more than a burst at once.
func (t throttle) spendBytes(now time.Time, frame int) {
	if t.bytes.Limit() == rate.Inf {
		return
	}
	burst := t.bytes.Burst()
	for left := onTheWire(frame); left > 0; left -= burst {
		t.bytes.ReserveN(now, min(left, burst))
	}
}

// What is around the bytes of a frame: a TLS record with its header and tag for every 16 KiB, and the headers of
// Ethernet, IP and TCP with time stamps for every segment of an Ethernet link.
const (
	tlsRecord, tlsOverhead         = 16 << 10, 22
	segmentPayload, segmentHeaders = 1428, 86
)

// onTheWire is how many bytes of the network a frame takes.
func onTheWire(frame int) int {
	return frame + (frame/tlsRecord+1)*tlsOverhead + (frame/segmentPayload+1)*segmentHeaders
}
