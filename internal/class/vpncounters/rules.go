package vpncounters

import (
	"math"
	"slices"

	"github.com/hapair-io/hapair/internal/kernel/xfrm"
)

// last32 is the last number of an SA with 32 bits.
const last32 = math.MaxUint32

// step is by how much a promotion advances an SA. It is more than the packets that the other unit can have sent since
// this unit heard of it last, at up to three million per second for maxSilence. An SA with 32 bits has room for 128
// steps, and gets new keys within a minute of each.
const step = 1 << 25

// combine returns the counters of an SA with those that the other unit has sent: numbers never decrease. The result has
// the shape of the SA's replay window.
func combine(sa xfrm.SA, received xfrm.Counters) xfrm.Counters {
	c := sa.Counters
	last := sa.Last()
	c.Sent = min(max(c.Sent, received.Sent), last)
	newest := min(max(c.Received, received.Received), last)
	switch {
	case received.Received < c.Received || received.Received == 0: // The window stays.
	case !c.HasShapeOf(received):
		// The windows cannot be compared. Everything counts as received, so that nothing is taken in twice.
		c.Seen = make([]uint32, len(c.Seen))
		for i := range c.Seen {
			c.Seen[i] = last32
		}
	case received.Received > c.Received:
		c.Seen = slices.Clone(received.Seen)
	default:
		c.Seen = slices.Clone(c.Seen)
		for i, word := range received.Seen {
			c.Seen[i] |= word
		}
	}
	c.Received = newest
	return c
}

// isInbound reports whether an SA has received packets. It then sends none.
func isInbound(c xfrm.Counters) bool { return c.Received > 0 }

// advance returns counters whose numbers the other unit cannot have used.
func advance(sa xfrm.SA) xfrm.Counters {
	c := sa.Counters
	if isInbound(c) {
		return c
	}
	if sa.Last()-c.Sent <= step {
		return spend(sa)
	}
	c.Sent += step
	return c
}

// spend returns counters with which the kernel sends no packet.
func spend(sa xfrm.SA) xfrm.Counters {
	c := sa.Counters
	if !isInbound(c) {
		c.Sent = sa.Last()
	}
	return c
}
