package sender

import (
	"errors"
	"time"

	"golang.org/x/time/rate"
)

// Limits bound how fast state is sent; 0 is unlimited.
type Limits struct {
	RecordsPerSecond int
	// BytesPerSecond counts what the stream uses of the network, headers included.
	BytesPerSecond int
}

// Validate checks the limits.
func (l Limits) Validate() error {
	if l.RecordsPerSecond < 0 || l.BytesPerSecond < 0 {
		return errors.New("the limits of a throttle must not be negative")
	}
	return nil
}

// Throttle bounds how fast state is sent. It never waits itself, since the caller has other frames to send meanwhile.
// Its methods are safe for concurrent use.
type Throttle struct{ records, bytes *rate.Limiter }

// NewThrottle returns a throttle.
func NewThrottle(l Limits) *Throttle {
	t := &Throttle{rate.NewLimiter(rate.Inf, maxRecords), rate.NewLimiter(rate.Inf, maxBytes)}
	t.Set(l)
	return t
}

// Set changes the limits, which must be valid.
func (t *Throttle) Set(l Limits) {
	t.records.SetLimit(limit(l.RecordsPerSecond))
	t.bytes.SetLimit(limit(l.BytesPerSecond))
	t.bytes.SetBurst(t.frameBytes())
}

// minFrameBytes is the size of a frame on the slowest link.
const minFrameBytes = 4 << 10

// frameBytes returns how many bytes of changes one frame may hold. On a slow link it takes no more than a tenth of a
// second to send, or a ping would wait long behind it.
func (t *Throttle) frameBytes() int {
	perSecond := t.bytes.Limit()
	if perSecond >= maxBytes*10 {
		return maxBytes
	}
	return max(minFrameBytes, int(perSecond)/10)
}

// limit returns the limit of a rate.Limiter.
func limit(perSecond int) rate.Limit {
	if perSecond == 0 {
		return rate.Inf
	}
	return rate.Limit(perSecond)
}

// delay returns how long to wait until state may be sent; 0 if it may be sent now.
func (t *Throttle) delay(now time.Time) time.Duration {
	return max(untilNext(t.records, now), untilNext(t.bytes, now))
}

// untilNext returns how long it takes until a limiter has one token.
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

// spend takes a frame from the allowance. A frame may be larger than what is left; then the next one waits for it.
func (t *Throttle) spend(now time.Time, records, frameBytes int) {
	if t.records.Limit() != rate.Inf {
		t.records.ReserveN(now, records)
	}
	if t.bytes.Limit() == rate.Inf {
		return
	}
	burst := t.bytes.Burst() // a limiter refuses more than a burst at once
	for left := bytesOnNetwork(frameBytes); left > 0; left -= burst {
		t.bytes.ReserveN(now, min(left, burst))
	}
}

// Overhead of a frame: a TLS record with its header and tag for every 16 KiB, and the headers of Ethernet, IP and TCP
// with time stamps for every segment on an Ethernet link.
const (
	tlsRecord, tlsOverhead         = 16 << 10, 22
	segmentPayload, segmentHeaders = 1428, 86
)

// bytesOnNetwork returns how many bytes of the network a frame uses.
func bytesOnNetwork(frame int) int {
	return frame + (frame/tlsRecord+1)*tlsOverhead + (frame/segmentPayload+1)*segmentHeaders
}
