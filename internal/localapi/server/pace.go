package server

import "time"

// pace is how far a provider follows a class.
type pace struct {
	class class
	// held is the revision up to which the provider has everything, as it reported last.
	held uint64
	// wanted is the revision that it must have next, and since is when the class had it.
	wanted uint64
	since  time.Time
	// watches is how many watches of the class the provider has open.
	watches int
	// isBehind is the last judgement.
	isBehind bool
}

// judge decides whether the provider has lacked a change for longer than the timeout. Newest is the revision of the
// class. A provider that is always a little late is not behind, as long as it moves on.
func (p *pace) judge(newest uint64, now time.Time, timeout time.Duration) {
	if p.held >= p.wanted {
		p.wanted, p.since = newest, now
	}
	p.isBehind = p.held < p.wanted && now.Sub(p.since) >= timeout
}

// excuse ends the judgement while the provider writes the class itself.
func (p *pace) excuse() { p.wanted, p.isBehind = 0, false }
