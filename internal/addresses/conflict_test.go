package addresses

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/addresses/frame"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// The ledger is held against a list of all that ever was noted.
func TestLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type noted struct {
			claim frame.Claim
			at    time.Time
		}
		var l ledger
		var history []noted
		now := time.Unix(1000, 0)
		current := func() map[frame.Claim]time.Time {
			last := map[frame.Claim]time.Time{}
			for _, n := range history {
				if now.Sub(n.at) < conflictLasts {
					last[n.claim] = n.at
				}
			}
			return last
		}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			before := len(l.kept)
			if changed := l.expire(now); changed != (len(l.kept) != before) {
				t.Fatalf("changed: %t", changed)
			}
			claim := frame.Claim{
				Address: netip.AddrFrom4([4]byte{192, 168, 50, rapid.Byte().Draw(t, "address") % 4}),
				MAC:     frame.MAC{2, 5: rapid.Byte().Draw(t, "mac") % 4},
			}
			_, had := current()[claim]
			if changed := l.note("lan", claim, false, now); changed == had {
				t.Fatalf("changed: %t", changed)
			}
			history = append(history, noted{claim, now})
			want := current()
			if len(l.kept) != len(want) {
				t.Fatalf("kept %v instead of %v", l.kept, want)
			}
			for _, c := range l.kept {
				if at, ok := want[frame.Claim{Address: c.Address, MAC: c.MAC}]; !ok || !at.Equal(c.LastSeen) ||
					c.FirstSeen.After(c.LastSeen) {
					t.Fatalf("kept %+v, seen at %s", c, at)
				}
			}
		}
	})
}

func TestLedgerIsBounded(t *testing.T) {
	var l ledger
	now := time.Unix(1000, 0)
	for i := range 3 * maxConflicts {
		changed := l.note("lan", frame.Claim{MAC: frame.MAC{2, 0, 0, 0, 0, byte(i)}}, false, now)
		if changed != (i < maxConflicts) {
			t.Errorf("number %d: %t", i, changed)
		}
	}
	if len(l.kept) != maxConflicts {
		t.Errorf("%d are kept", len(l.kept))
	}
}

func TestConflictInWords(t *testing.T) {
	c := Conflict{Interface: "lan", Address: netip.MustParseAddr("192.168.50.1"), MAC: rtnetlink.MAC{2, 5: 9}}
	const want = "192.168.50.1 on lan is also claimed by a station with MAC address 02:00:00:00:00:09"
	if got := c.String(); !strings.Contains(got, want) {
		t.Error(got)
	}
	c.Twin = true
	if got := c.String(); !strings.Contains(got, "the peer claims it too") {
		t.Error(got)
	}
}
