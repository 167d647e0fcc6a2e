package conntrack

import "time"

// coalesceTime is how long a listener waits for more events while they come quickly. It is the largest delay of an
// event. Waking up for each event would cost more processor time than reading it.
const coalesceTime = 250 * time.Microsecond

// coalesceEvents is the number of events within coalesceTime from which they count as quick.
const coalesceEvents = 2

// coalescer decides when the listener waits for more events. It waits while events come quickly. It does not delay a
// single event, nor a few events at once after a quiet time.
type coalescer struct {
	before, woke time.Time // when the last two waits ended
	events       int       // since the last one
}

// recordWakeup records the end of a wait.
func (c *coalescer) recordWakeup(now time.Time) { *c = coalescer{before: c.woke, woke: now} }

// recordEvents records the number of received events.
func (c *coalescer) recordEvents(events int) { c.events += events }

// isBusy reports whether to wait for more events before reading again.
func (c *coalescer) isBusy(now time.Time) bool {
	return c.events >= coalesceEvents &&
		time.Duration(c.events)*coalesceTime >= coalesceEvents*now.Sub(c.before)
}
