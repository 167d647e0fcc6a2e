package lasting

import (
	"slices"
	"strings"
	"time"
)

// Faults are the faults of several things, each with a key. They are used by one goroutine at a time.
type Faults[K comparable] struct {
	// After is how long a fault must last before it is reported.
	After time.Duration

	all map[K]*Fault
}

// Observe takes in the fault of a thing as it is now, empty for none. It returns the fault that is reported of that
// thing, and whether this has changed.
func (f *Faults[K]) Observe(key K, now string) (reported string, changed bool) {
	if f.all == nil {
		f.all = map[K]*Fault{}
	}
	one := f.all[key]
	if one == nil {
		one = &Fault{After: f.After}
		f.all[key] = one
	}
	changed = one.Observe(now)
	return one.Reported(), changed
}

// Reported returns all faults that have lasted, in alphabetical order; empty without one.
func (f *Faults[K]) Reported() string {
	var reported []string
	for _, one := range f.all {
		if text := one.Reported(); text != "" {
			reported = append(reported, text)
		}
	}
	slices.Sort(reported)
	return strings.Join(reported, "; ")
}

// Clear forgets all faults.
func (f *Faults[K]) Clear() { clear(f.all) }
