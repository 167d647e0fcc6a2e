package expectations

import (
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// maxParked bounds the expectations that wait for their master. At the bound, the oldest one is lost.
const maxParked = 1024

// An expectation that waits is tried again at the next Apply, and then after retryPause and ever longer pauses. Usually
// its master arrives within milliseconds, because both come from the same packets of the active.
const (
	retryPause    = 100 * time.Millisecond
	maxRetryPause = 10 * time.Second
)

// parking holds expectations whose master is not in the kernel yet. It is not safe for concurrent use.
type parking struct {
	entries []parked // by time of arrival
}

// parked is one expectation that waits.
type parked struct {
	key         string
	expectation conntrack.Expectation
	// until is when it would expire on the active, and next when it is tried again.
	until, next time.Time
	pause       time.Duration
}

// add adds an expectation, in place of one with the same key. It reports whether another one was lost for it.
func (p *parking) add(key string, e conntrack.Expectation, now time.Time) (lost bool) {
	p.remove(key)
	if len(p.entries) >= maxParked {
		p.entries = slices.Delete(p.entries, 0, 1)
		lost = true
	}
	p.entries = append(p.entries, parked{
		key: key, expectation: e, until: now.Add(time.Duration(e.TimeoutSeconds) * time.Second), next: now,
		pause: retryPause,
	})
	return lost
}

// remove removes the expectation with a key, if it waits.
func (p *parking) remove(key string) {
	p.entries = slices.DeleteFunc(p.entries, func(e parked) bool { return e.key == key })
}

// prune removes those for which keep returns false.
func (p *parking) prune(keep func(key string) bool) {
	p.entries = slices.DeleteFunc(p.entries, func(e parked) bool { return !keep(e.key) })
}

// clear removes all.
func (p *parking) clear() { p.entries = nil }

// isEmpty reports whether no expectation waits.
func (p *parking) isEmpty() bool { return len(p.entries) == 0 }

// expire removes those that would have expired on the active, and returns how many.
func (p *parking) expire(now time.Time) (expired int) {
	before := len(p.entries)
	p.entries = slices.DeleteFunc(p.entries, func(e parked) bool { return !now.Before(e.until) })
	return before - len(p.entries)
}

// retry calls write for each one that is due, with its remaining time. It removes those for which write returns true.
func (p *parking) retry(now time.Time, write func(conntrack.Expectation) (done bool)) {
	p.entries = slices.DeleteFunc(p.entries, func(e parked) bool {
		if now.Before(e.next) {
			return false
		}
		e.expectation.TimeoutSeconds = uint32(e.until.Sub(now) / time.Second)
		return write(e.expectation)
	})
	for i := range p.entries {
		if e := &p.entries[i]; !now.Before(e.next) {
			e.next, e.pause = now.Add(e.pause), min(2*e.pause, maxRetryPause)
		}
	}
}

// makeDue makes the next retry try all of them.
func (p *parking) makeDue(now time.Time) {
	for i := range p.entries {
		p.entries[i].next = now
	}
}
