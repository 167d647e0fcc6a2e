package addresses

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/addresses/frame"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

const (
	// conflictLasts is how long a conflict is kept after it was last seen: the time of three probes of Watch.
	conflictLasts = time.Minute
	// maxConflicts bounds how many are kept. More add nothing, and forged ones must not fill the memory.
	maxConflicts = 32
)

// Conflict is another station that claims a virtual address.
type Conflict struct {
	Interface string
	Address   netip.Addr
	// MAC is the address of the other station.
	MAC rtnetlink.MAC
	// Twin means that the MAC is this unit's own. Either the peer claims the address by the same virtual MAC, or the
	// segment returns to the unit what it sends.
	Twin bool
	// FirstSeen is when it was first seen without a gap of a minute, and LastSeen when it was last seen.
	FirstSeen, LastSeen time.Time
}

// String returns the conflict as text for people.
func (c Conflict) String() string {
	if c.Twin {
		return fmt.Sprintf("%s on %s is claimed a second time by the unit's own MAC address %s: the peer claims it too, or "+
			"the segment sends frames back", c.Address, c.Interface, c.MAC)
	}
	return fmt.Sprintf("%s on %s is also claimed by a station with MAC address %s: take the address away from it",
		c.Address, c.Interface, c.MAC)
}

// ledger holds the conflicts of one spell, in the order in which they were first seen.
type ledger struct{ kept []Conflict }

// note stores a claim of another station and returns whether it is a new conflict. Beyond the bound it is not stored.
func (l *ledger) note(name string, claim frame.Claim, twin bool, now time.Time) (changed bool) {
	for i, c := range l.kept {
		if c.Interface == name && c.Address == claim.Address && c.MAC == claim.MAC {
			l.kept[i].LastSeen = now
			return false
		}
	}
	if len(l.kept) == maxConflicts {
		return false
	}
	l.kept = append(l.kept, Conflict{
		Interface: name, Address: claim.Address, MAC: claim.MAC, Twin: twin, FirstSeen: now, LastSeen: now,
	})
	return true
}

// expire deletes conflicts that have not been seen for long enough.
func (l *ledger) expire(now time.Time) (changed bool) {
	before := len(l.kept)
	l.kept = slices.DeleteFunc(l.kept, func(c Conflict) bool { return now.Sub(c.LastSeen) >= conflictLasts })
	return len(l.kept) != before
}

// all returns a copy that the caller may keep.
func (l *ledger) all() []Conflict { return slices.Clone(l.kept) }
