package vpncounters

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/kernel/xfrm"
)

// anySA generates SAs with counters that the kernel can have.
func anySA() *rapid.Generator[xfrm.SA] {
	return rapid.Custom(func(t *rapid.T) xfrm.SA {
		sa := xfrm.SA{Extended: rapid.Bool().Draw(t, "extended")}
		last, words := sa.Last(), 1
		if sa.Counters.Legacy = !sa.Extended && rapid.Bool().Draw(t, "legacy"); !sa.Counters.Legacy {
			words = rapid.IntRange(0, 4).Draw(t, "words")
			sa.Counters.Size = uint32(32 * words)
		}
		number := rapid.OneOf(
			rapid.Uint64Range(0, 100), rapid.Uint64Range(last-2*step, last), rapid.Uint64Range(0, last))
		if rapid.Bool().Draw(t, "inbound") {
			sa.Counters.Received = number.Draw(t, "received")
		} else {
			sa.Counters.Sent = number.Draw(t, "sent")
		}
		sa.Counters.Seen = rapid.SliceOfN(rapid.Uint32(), words, words).Draw(t, "seen")
		return sa
	})
}

func TestNumbersNeverDecrease(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sa, other := anySA().Draw(t, "own"), anySA().Draw(t, "other")
		before := sa.Counters
		c := combine(sa, other.Counters)
		last := sa.Last()
		if c.Sent < max(before.Sent, min(other.Counters.Sent, last)) {
			t.Errorf("sent numbers %d and %d of the units became %d", before.Sent, other.Counters.Sent, c.Sent)
		}
		if c.Received < max(before.Received, min(other.Counters.Received, last)) {
			t.Errorf("received numbers %d and %d of the units became %d", before.Received, other.Counters.Received, c.Received)
		}
		if !c.HasShapeOf(before) || c.Sent > last || c.Received > last {
			t.Errorf("the kernel does not accept %+v for %+v", c, sa)
		}
		if c.Received == before.Received {
			for i, word := range before.Seen {
				if c.Seen[i]&word != word {
					t.Errorf("a packet of the window %x would be accepted again: %x", before.Seen, c.Seen)
				}
			}
		}
	})
}

func TestPromotionUsesNoNumberTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sa := anySA().Draw(t, "own")
		before := sa.Counters
		c := advance(sa)
		switch {
		case isInbound(before):
			if !c.Equal(before) {
				t.Errorf("an inbound SA changed from %+v to %+v", before, c)
			}
		case c.Sent != sa.Last() && c.Sent != before.Sent+step:
			t.Errorf("%d became %d, want a step or the last number", before.Sent, c.Sent)
		case c.Sent < before.Sent:
			t.Errorf("%d became %d, which wraps", before.Sent, c.Sent)
		}
		if c := spend(sa); !isInbound(before) && c.Sent != sa.Last() {
			t.Errorf("%d became %d, want the last number", before.Sent, c.Sent)
		}
	})
}

func TestWindowsOfOtherShapesCountAsReceived(t *testing.T) {
	sa := xfrm.SA{Counters: xfrm.Counters{Received: 5, Seen: []uint32{0x1f}, Legacy: true}}
	c := combine(sa, xfrm.Counters{Received: 9, Seen: []uint32{1, 2}, Size: 64})
	if want := (xfrm.Counters{Received: 9, Seen: []uint32{last32}, Legacy: true}); !c.Equal(want) {
		t.Errorf("got %+v, want %+v", c, want)
	}
}
