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
	// conflictLasts is how long a conflict is kept after it was last seen: three questions of Watch long.
	conflictLasts = time.Minute
	// maxConflicts bounds how many are kept. More say nothing more, and whoever makes them up must not fill the memory.
	maxConflicts = 32
)

// Conflict is another station that claims a virtual address.
type Conflict struct {
	Interface string
	Address   netip.Addr
	// MAC is the other station's.
	MAC rtnetlink.MAC
	// Twin says that it is this unit's own: either the peer claims the address by the same virtual MAC, or the segment
	// gives the unit back what it sends.
	Twin bool
	// FirstSeen is when it was seen first without a minute's break, LastSeen when it was seen last before this was told.
	FirstSeen, LastSeen time.Time
}

// String says it to people.
func (c Conflict) String() string {
	if c.Twin {
		return fmt.Sprintf("%s on %s is claimed a second time by the unit's own MAC address %s: the peer claims it too, or "+
			"the segment sends frames back", c.Address, c.Interface, c.MAC)
	}
	return fmt.Sprintf("%s on %s is also claimed by a station with MAC address %s: take the address away from it",
		c.Address, c.Interface, c.MAC)
}

// ledger is the conflicts of one spell, in the order in which they were first seen.
type ledger struct{ kept []Conflict }

// note takes in a claim of another station and tells whether that is a new conflict. Past the bound it is not kept.
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

// expire forgets what has not been seen for long enough.
func (l *ledger) expire(now time.Time) (changed bool) {
	before := len(l.kept)
	l.kept = slices.DeleteFunc(l.kept, func(c Conflict) bool { return now.Sub(c.LastSeen) >= conflictLasts })
	return len(l.kept) != before
}

// all is a copy that the caller may keep.
func (l *ledger) all() []Conflict { return slices.Clone(l.kept) }
