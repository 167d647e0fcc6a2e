package tracer

import "time"

const (
	// notable is the shortest gap that is listed.
	notable = 20 * time.Millisecond
	// maxGaps bounds that list. The longest gaps stay.
	maxGaps = 16
)

// Gap is a silence in which at least one packet was lost.
type Gap struct {
	// From is the arrival of the last packet before it.
	From   time.Time
	Length time.Duration
	Lost   uint64
}

// StreamStats describes how the packets of one numbered stream arrived. The zero value is that of a stream without
// packets.
//
// A silence without a loss is not a gap: the sender was late, because it shares this machine with the system under
// test. A packet that was delayed on its way shows in Delay.
type StreamStats struct {
	// Received, Lost and Reordered count packets. A packet that arrives early makes the skipped ones lost until they
	// arrive.
	Received, Lost, Reordered uint64
	// Longest is the longest gap. Gaps lists the notable gaps in the order of time, and at most the longest maxGaps of
	// them.
	Longest Gap
	Gaps    []Gap
	// Delay is the longest time that a packet took from the sender to here.
	Delay time.Duration
	// LastAt is when the newest packet arrived.
	LastAt time.Time

	last uint64
}

// Observe records one packet: its number, when it was sent and when it arrived. Numbers begin anywhere and grow by one.
func (t *StreamStats) Observe(number uint64, sent, at time.Time) {
	t.Received++
	t.Delay = max(t.Delay, at.Sub(sent))
	switch {
	case t.Received == 1:
		// The first packet: what was sent before does not count.
	case number <= t.last:
		t.Reordered++
		t.Lost = max(t.Lost, 1) - 1
		return
	case number > t.last+1:
		missed := number - t.last - 1
		t.Lost += missed
		t.note(Gap{From: t.LastAt, Length: at.Sub(t.LastAt), Lost: missed})
	}
	t.last, t.LastAt = number, at
}

func (t *StreamStats) note(g Gap) {
	if g.Length > t.Longest.Length {
		t.Longest = g
	}
	if g.Length < notable {
		return
	}
	t.Gaps = append(t.Gaps, g)
	if len(t.Gaps) <= maxGaps {
		return
	}
	shortest := 0
	for i, one := range t.Gaps {
		if one.Length < t.Gaps[shortest].Length {
			shortest = i
		}
	}
	t.Gaps = append(t.Gaps[:shortest], t.Gaps[shortest+1:]...)
}

// GapWhileSent returns the longest notable gap without the time in which the sender stood still, as on a machine that
// stops: a gap counts only for as long as its lost packets took to send, at one packet an interval.
func (t *StreamStats) GapWhileSent(interval time.Duration) time.Duration {
	longest := time.Duration(0)
	for _, g := range t.Gaps {
		longest = max(longest, min(g.Length, time.Duration(g.Lost)*interval))
	}
	return longest
}

// AddOpenGap adds a gap that has not ended: nothing came since the last packet, though numbers were sent.
func (t *StreamStats) AddOpenGap(newest uint64, now time.Time) {
	if t.Received == 0 || newest <= t.last {
		return
	}
	missed := newest - t.last
	t.Lost += missed
	t.note(Gap{From: t.LastAt, Length: now.Sub(t.LastAt), Lost: missed})
}

// Reset discards all losses, gaps and delays so far. The next packet continues the stream.
func (t *StreamStats) Reset() {
	*t = StreamStats{Received: min(t.Received, 1), LastAt: t.LastAt, last: t.last}
}
