package engine

import (
	"fmt"
	"time"

	"github.com/hapair-io/hapair/internal/replication/wire"
)

// receiptInterval is how long the standby waits at most before it acknowledges changes, and the least time between two
// acknowledgements of changes. Nothing waits for them: they are how the active knows the lag, and each wakes it.
const receiptInterval = 50 * time.Millisecond

// receipt is what the standby still has to acknowledge, and when.
type receipt struct {
	frame []byte // the acknowledgement that was sent last
	// due fires when what is owed is to be sent.
	due  *time.Timer
	owed bool
	sent time.Time // when the last one was
	at   time.Time // when the newest frame was written
}

func newReceipt() receipt { return receipt{due: stoppedTimer()} }

// stoppedTimer makes a timer that fires once it is reset.
func stoppedTimer() *time.Timer {
	timer := time.NewTimer(0)
	timer.Stop()
	return timer
}

// applied acknowledges at once, unless more waits that will be: the newest position stands for all before it.
func (a *applier) applied(position uint64) {
	now := time.Now()
	if a.note(position, now) {
		a.acknowledge(now)
	}
}

// appliedDelta acknowledges, now or later.
func (a *applier) appliedDelta(position uint64) {
	now := time.Now()
	if !a.note(position, now) {
		return
	}
	if wait := receiptInterval - now.Sub(a.receipt.sent); wait <= 0 {
		a.acknowledge(now)
	} else if !a.receipt.owed {
		a.receipt.owed = true
		a.receipt.due.Reset(wait)
	}
}

// note takes down what was written, and tells whether it is here that it is acknowledged. What comes behind other work
// is acknowledged with that, and what the writer has still to say, such as a plea for a snapshot, it says first.
func (a *applier) note(position uint64, now time.Time) bool {
	a.receipt.at = now
	return a.conversation.noteApplied(position, len(a.work) > 0)
}

// acknowledge tells the active how far everything is written. It does so by itself, since to wake the writer for it
// costs more than to send it.
func (a *applier) acknowledge(now time.Time) {
	c, r := a.conversation, &a.receipt
	if r.owed {
		r.owed = false
		r.due.Stop()
	}
	r.sent = now
	r.frame = wire.Append(r.frame[:0], &wire.Ack{Position: c.positionApplied(), Held: now.Sub(r.at)})
	if _, err := c.connection.Write(r.frame); err != nil {
		c.end(fmt.Errorf("speaking to the peer: %w", err))
	}
}

func (a *applier) acknowledgeOwed() {
	if a.receipt.owed {
		a.acknowledge(time.Now())
	}
}

func (c *conversation) positionApplied() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.applied
}

// noteApplied tells whether the position is to be acknowledged by the applier.
func (c *conversation) noteApplied(position uint64, more bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applied = position
	c.tellPosition()
	// The writer is awake where it has something to say, and what waits is acknowledged there or wakes it with an answer.
	c.ackDue = more || len(c.control) > 0
	return !c.ackDue
}
