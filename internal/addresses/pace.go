package addresses

import (
	"fmt"
	"time"

	"golang.org/x/time/rate"
)

const (
	// repairsPerSecond and repairBurst bound the repairs of one network: another program that removes the addresses again
	// and again must not take the processor away from the traffic.
	repairsPerSecond = 20
	repairBurst      = 20
	// fightLasts is how long repairs must have been at their bound before that is a fault.
	fightLasts = 10 * time.Second
)

// pace bounds how often one network is repaired.
type pace struct {
	limit *rate.Limiter
	// next is when a repair that was held back may happen; zero if none was.
	next time.Time
	// since is from when repairs have been held back without a pause; zero while they are not.
	since time.Time
}

// paces are the paces by interface.
type paces map[string]*pace

// allow reports whether a network may be inspected further now. It records a repair, if the network needs one, and
// holds it back if there were too many.
func (all paces) allow(n Network, needsRepair bool, now time.Time) bool {
	p := all[n.Interface]
	if p == nil {
		p = &pace{limit: rate.NewLimiter(repairsPerSecond, repairBurst)}
		all[n.Interface] = p
	}
	p.next = time.Time{}
	if !needsRepair {
		if p.limit.TokensAt(now) >= repairBurst/2 {
			p.since = time.Time{}
		}
		return true
	}
	if p.limit.AllowN(now, 1) {
		return true
	}
	p.next = now.Add(time.Second / repairsPerSecond)
	if p.since.IsZero() {
		p.since = now
	}
	return false
}

// fight returns the fault of a network on which repairs do not last, or nil.
func (all paces) fight(n Network, now time.Time) error {
	p := all[n.Interface]
	if p == nil || p.since.IsZero() || now.Sub(p.since) < fightLasts {
		return nil
	}
	return fmt.Errorf("another program changes the addresses of interface %s again and again: find it and stop it",
		n.Interface)
}

// again returns a channel that delivers when a repair that was held back may happen; nil if none was.
func (all paces) again() <-chan time.Time {
	var first time.Time
	for _, p := range all {
		if !p.next.IsZero() && (first.IsZero() || p.next.Before(first)) {
			first = p.next
		}
	}
	if first.IsZero() {
		return nil
	}
	return time.After(time.Until(first))
}
