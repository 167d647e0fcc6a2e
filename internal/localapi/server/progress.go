package server

import "time"

// progress is how far a provider follows a class.
type progress struct {
	class class
	// held is the revision up to which the provider has everything, as it reported last.
	held uint64
	// wanted is the revision that it must have next, and since is when the class had it.
	wanted uint64
	since  time.Time
	// watches is how many watches of the class the provider has open.
	watches int
	// isBehind is the result of the last check.
	isBehind bool
}

// check decides whether the provider has lacked a change for longer than the timeout. Newest is the revision of the
// class. A provider that is always a little late is not behind, as long as it moves on.
func (p *progress) check(newest uint64, now time.Time, timeout time.Duration) {
	if p.held >= p.wanted {
		p.wanted, p.since = newest, now
	}
	p.isBehind = p.held < p.wanted && now.Sub(p.since) >= timeout
}

// reset forgets what the provider must have. It writes the class itself for now.
func (p *progress) reset() { p.wanted, p.isBehind = 0, false }
