package tracer

import "time"

const (
	// notable is the shortest gap that is listed on its own.
	notable = 20 * time.Millisecond
	// maxGaps bounds that list; the longest stay.
	maxGaps = 16
)

// Gap is a silence in which at least one packet was lost.
type Gap struct {
	// From is the arrival of the last packet before it.
	From   time.Time
	Length time.Duration
	Lost   uint64
}

// Tally is how the packets of one numbered stream arrived. The zero value is that of a stream of which nothing has
// come.
//
// A silence without a loss is no gap: the sender was late, for it shares this machine with everything else. A packet
// that was held up on its way shows in the Delay.
type Tally struct {
	// Received, Lost and Reordered count packets. A packet that overtook others makes them lost until they arrive.
	Received, Lost, Reordered uint64
	// Longest is the longest gap, Gaps are all of some length in the order of time; of very many the longest remain.
	Longest Gap
	Gaps    []Gap
	// Delay is the longest time that a packet took from the sender to here.
	Delay time.Duration
	// LastAt is when the newest packet came.
	LastAt time.Time

	last uint64
}

// Observe notes one packet: its number, when it was sent and when it came. Numbers begin anywhere and grow by one.
func (t *Tally) Observe(number uint64, sent, at time.Time) {
	t.Received++
	t.Delay = max(t.Delay, at.Sub(sent))
	switch {
	case t.Received == 1:
		// The first: what was sent before is not missed.
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

func (t *Tally) note(g Gap) {
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

// Silent adds the gap that still goes on: nothing came since the last packet, though numbers were sent.
func (t *Tally) Silent(newest uint64, now time.Time) {
	if t.Received == 0 || newest <= t.last {
		return
	}
	missed := newest - t.last
	t.Lost += missed
	t.note(Gap{From: t.LastAt, Length: now.Sub(t.LastAt), Lost: missed})
}

// Forget forgets all losses, gaps and delays so far; the stream goes on from where it is.
func (t *Tally) Forget() {
	*t = Tally{Received: min(t.Received, 1), LastAt: t.LastAt, last: t.last}
}
