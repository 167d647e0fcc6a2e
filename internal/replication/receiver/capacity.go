package receiver

import (
	"time"

	"github.com/hapair-io/hapair/internal/class"
)

// CapacityRetryInterval is how long after a class was full the receiver requests all of it again. Entries end all the
// time, and someone may have raised the limit. But each request costs both units a snapshot.
const CapacityRetryInterval = 30 * time.Second

// capacity records whether this unit has room for the entries of a class.
type capacity struct {
	// retryAt is when all of the class is requested again. It is zero while everything had room, since the last snapshot
	// began.
	retryAt time.Time
}

// isExceeded reports whether an entry had no room.
func (c *capacity) isExceeded() bool { return !c.retryAt.IsZero() }

// reset starts a new count, at the beginning of a snapshot.
func (c *capacity) reset() { c.retryAt = time.Time{} }

// record adds the outcome of one Apply. It reports whether this is the first time that an entry had no room.
func (c *capacity) record(outcome class.Outcome, now time.Time) (first bool) {
	if outcome.Refused[class.Full] == 0 || c.isExceeded() {
		return false
	}
	c.retryAt = now.Add(CapacityRetryInterval)
	return true
}

// retry reports whether to request all of the class now. If so, it schedules the next request.
func (c *capacity) retry(now time.Time) bool {
	if !c.isExceeded() || now.Before(c.retryAt) {
		return false
	}
	c.retryAt = now.Add(CapacityRetryInterval)
	return true
}
