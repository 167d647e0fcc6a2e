// Package lasting reports a fault only once it has lasted for a while, so that what is put right at once is no fault.
package lasting

import "time"

// Fault is the state of one fault. It is used by one goroutine at a time.
type Fault struct {
	// After is how long a fault must last before it is reported.
	After time.Duration

	// since is when the present fault began; zero without one.
	since    time.Time
	reported string
}

// Observe takes in the fault as it is now, empty for none. It returns whether the result of Reported has changed.
func (f *Fault) Observe(now string) (changed bool) {
	before := f.reported
	switch {
	case now == "":
		f.since, f.reported = time.Time{}, ""
	case f.since.IsZero():
		f.since = time.Now()
	case time.Since(f.since) >= f.After:
		f.reported = now
	}
	return f.reported != before
}

// Reported returns the fault that has lasted; empty for none.
func (f *Fault) Reported() string { return f.reported }

// IsPresent reports whether there is a fault now, whether it has lasted or not.
func (f *Fault) IsPresent() bool { return !f.since.IsZero() }
