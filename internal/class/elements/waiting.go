package elements

import (
	"time"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
)

// maxWaiting bounds the elements that wait for their sets.
const maxWaiting = MaxPerSet

// waiting are elements whose sets do not exist yet, by their keys in the class. PURE: it has no clock.
type waiting map[string]waiter

// waiter is an element that waits.
type waiter struct {
	set     string
	element nftables.Element
	// end is when the element's time ends, which goes on meanwhile.
	end time.Time
}

// add adds an element, and reports whether there was capacity for it.
func (w waiting) add(key, set string, e nftables.Element, now time.Time) bool {
	if _, isThere := w[key]; !isThere && len(w) >= maxWaiting {
		if w.drop(now); len(w) >= maxWaiting {
			return false
		}
	}
	w[key] = waiter{set: set, element: e, end: now.Add(e.Remaining)}
	return true
}

// drop drops the elements whose time has ended.
func (w waiting) drop(now time.Time) {
	for key, element := range w {
		if element.hasEnded(now) {
			delete(w, key)
		}
	}
}

func (w waiter) hasEnded(now time.Time) bool { return w.element.Timeout > 0 && !now.Before(w.end) }

// at returns the element with the time that is left at an instant.
func (w waiter) at(now time.Time) nftables.Element {
	e := w.element
	if e.Timeout > 0 {
		e.Remaining = w.end.Sub(now)
	}
	return e
}
