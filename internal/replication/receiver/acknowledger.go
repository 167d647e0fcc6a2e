package receiver

import (
	"sync/atomic"
	"time"

	"github.com/hapair-io/hapair/internal/replication/wire"
)

// ackInterval is the longest time that changes wait to be acknowledged, and the shortest between two acknowledgements
// of changes. Nothing waits for them: they only show the active the lag, and each wakes it.
const ackInterval = 50 * time.Millisecond

// acknowledger acknowledges what was written. It is not safe for concurrent use, apart from position.
type acknowledger struct {
	session  Session
	position atomic.Uint64 // up to which everything is written
	frame    []byte        // the last acknowledgement, for reuse
	// timer fires when a delayed acknowledgement is due.
	timer     *time.Timer
	isDelayed bool
	sent      time.Time // of the last acknowledgement
	written   time.Time // of the newest frame
}

// newAcknowledger returns an acknowledger that has nothing to acknowledge.
func newAcknowledger(session Session) *acknowledger {
	timer := time.NewTimer(0)
	timer.Stop()
	return &acknowledger{session: session, timer: timer}
}

// wrote acknowledges everything up to a position, now. If more frames wait, the acknowledgement of those covers it.
func (a *acknowledger) wrote(position uint64, more bool) {
	now := time.Now()
	if a.record(position, more, now) {
		a.send(now)
	}
}

// wroteChanges acknowledges everything up to a position, now or after ackInterval.
func (a *acknowledger) wroteChanges(position uint64, more bool) {
	now := time.Now()
	if !a.record(position, more, now) {
		return
	}
	if wait := ackInterval - now.Sub(a.sent); wait <= 0 {
		a.send(now)
	} else if !a.isDelayed {
		a.isDelayed = true
		a.timer.Reset(wait)
	}
}

// record stores the position, and reports whether the caller acknowledges it. Otherwise the session does so behind the
// frames that it has to send, such as a request for a snapshot.
func (a *acknowledger) record(position uint64, more bool, now time.Time) bool {
	a.written = now
	a.position.Store(position)
	return !a.session.QueueAck(position, more)
}

// sendDelayed sends the delayed acknowledgement, if there is one.
func (a *acknowledger) sendDelayed() {
	if a.isDelayed {
		a.send(time.Now())
	}
}

// send acknowledges everything that was written. It writes to the connection itself, which is cheaper than to wake the
// session's writer.
func (a *acknowledger) send(now time.Time) {
	if a.isDelayed {
		a.isDelayed = false
		a.timer.Stop()
	}
	a.sent = now
	a.frame = wire.Append(a.frame[:0], &wire.Ack{Position: a.position.Load(), Held: now.Sub(a.written)})
	a.session.Write(a.frame)
}
