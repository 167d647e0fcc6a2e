package sender

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/audit"
	"github.com/hapair-io/hapair/internal/replication/queue"
	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// queueLimits bound the changes of one class that wait: some seconds of a flood. Beyond them a snapshot is cheaper.
var queueLimits = queue.Limits{Entries: 262_144, Bytes: 64 << 20}

var errQueueFull = errors.New("more entries changed than the queue holds")

// The standby is in sync once it has every snapshot and few changes wait. It stays in sync until many wait: between
// the two bounds nothing changes, so that a burst does not make the state flap.
const (
	fewQueued  = 1_024
	manyQueued = 16_384
)

// phase is the progress of a stream.
type phase uint8

const (
	// phaseIdle means that a comparison of the tables is due. It will find everything that happens until it begins.
	phaseIdle phase = iota
	// phaseCompare means that the tables are being compared. Changes wait for the end of the snapshot that follows.
	phaseCompare
	// phaseSnapshot means that a snapshot is being sent. Changes wait for its end.
	phaseSnapshot
	// phaseLive means that changes are sent as they arrive.
	phaseLive
)

// outgoing is what one class has to send. It is not safe for concurrent use; the stream of the class guards it.
type outgoing struct {
	class   state.Class
	metrics *ClassMetrics

	phase       phase
	queue       *queue.Queue
	arrivals    arrivals
	generation  uint64 // of the last comparison
	comparison  *comparison
	snapshot    *snapshot
	snapshotEnd uint64             // position of the last SnapshotEnd
	abort       context.CancelFunc // ends the comparison or the snapshot under way
	watch       class.Watch        // nil while the source is not watched
	drains      drains
	delta       wire.Delta // the last frame of changes, for reuse
}

// newOutgoing returns what an idle stream has to send.
func newOutgoing(c class.Class, metrics *ClassMetrics) outgoing {
	return outgoing{class: c.ID, metrics: metrics, queue: queue.New(queueLimits, c.Codec.Merge), abort: func() {}}
}

// push adds changes to the queue. If it fails, changes were lost, for the reason that it returns.
func (o *outgoing) push(changes []state.Change) (loss, error) {
	if o.phase == phaseIdle || len(changes) == 0 {
		return 0, nil // an idle stream's next comparison finds them
	}
	before := o.queue.Len()
	for _, change := range changes {
		if o.comparison != nil {
			o.comparison.touch(change.Key)
		}
		within, err := o.queue.Push(change)
		switch {
		case err != nil:
			return lossRecord, err
		case !within:
			return lossQueue, errQueueFull
		}
	}
	o.arrivals.add(o.queue, time.Now())
	o.metrics.events.Add(float64(len(changes)))
	o.metrics.coalesced.Add(float64(before + len(changes) - o.queue.Len()))
	o.metrics.setQueue(o.queue)
	return 0, nil
}

// next returns the next frame, the number of records in it and when its oldest change arrived. It returns nil if there
// is no frame to send now. The frame is valid until the next call.
func (o *outgoing) next(position, term uint64, maxBytes int) (f wire.Frame, records int, oldest time.Time) {
	if o.comparison != nil {
		f = o.comparison.request(o.class, o.queue, position, term)
	}
	switch {
	case f != nil:
	case o.phase == phaseSnapshot:
		var ended bool
		if f, records, ended = o.snapshot.next(position, term); ended {
			o.phase, o.snapshot, o.snapshotEnd = phaseLive, nil, position
		}
	case o.phase == phaseLive:
		oldest = o.arrivals.oldest()
		changes := o.queue.Pop(maxRecords, maxBytes)
		if len(changes) == 0 {
			return nil, 0, time.Time{}
		}
		o.delta = wire.Delta{Class: o.class, Term: term, Position: position, Changes: changes}
		f, records = &o.delta, len(changes)
	}
	if f != nil {
		o.metrics.sent.Add(float64(records))
		o.metrics.setQueue(o.queue)
		o.arrivals.release(o.queue)
	}
	return f, records, oldest
}

// isShort reports whether the next frame has at most that many changes and bytes.
func (o *outgoing) isShort(changes, bytes int) bool {
	return o.phase == phaseLive && o.queue.Len() <= changes && o.queue.Bytes() <= bytes
}

// isInSync reports whether the standby has the snapshot and few changes wait. Acknowledged is the position up to which
// it has written everything, wasInSync the last result.
func (o *outgoing) isInSync(acknowledged uint64, wasInSync bool) bool {
	bound := fewQueued
	if wasInSync {
		bound = manyQueued
	}
	return o.phase == phaseLive && o.snapshotEnd <= acknowledged && o.queue.Len() <= bound
}

// hasPassed reports whether everything that was pushed before a mark has been sent.
func (o *outgoing) hasPassed(mark queue.Mark) bool {
	return o.phase == phaseLive && o.queue.Passed(mark)
}

// lose makes the stream idle after changes were lost. It reports false if the stream is idle already.
func (o *outgoing) lose(reason loss) bool {
	if o.phase == phaseIdle {
		return false
	}
	o.metrics.resyncs[reason].Inc()
	o.phase, o.comparison, o.snapshot = phaseIdle, nil, nil
	o.abort()
	o.clear()
	return true
}

// clear deletes the changes that wait.
func (o *outgoing) clear() {
	o.queue.Clear()
	o.arrivals = arrivals{}
	o.metrics.setQueue(o.queue)
}

// beginComparison starts the comparison that a snapshot follows. It will find everything that happened before, so
// nothing waits for the source any more.
func (o *outgoing) beginComparison(abort context.CancelFunc) *comparison {
	o.phase, o.abort = phaseCompare, abort
	o.clear()
	o.drains.finish(math.MaxUint64)
	o.generation++
	o.comparison = newComparison(o.generation, o.queue.Mark(), false)
	return o.comparison
}

// beginAudit starts a comparison while changes are sent. It returns nil if the stream is not live.
func (o *outgoing) beginAudit(abort context.CancelFunc) *comparison {
	if o.phase != phaseLive {
		return nil
	}
	o.abort = abort
	o.generation++
	o.comparison = newComparison(o.generation, o.queue.Mark(), true)
	return o.comparison
}

// beginSnapshot starts the snapshot of a scope. It returns nil if changes were lost since the comparison began.
func (o *outgoing) beginSnapshot(scope *audit.Scope) *snapshot {
	if o.phase != phaseCompare {
		return nil
	}
	o.phase, o.snapshot = phaseSnapshot, newSnapshot(o.class, o.generation, scope)
	return o.snapshot
}

// endComparison removes a comparison. It reports false if changes were lost meanwhile.
func (o *outgoing) endComparison(c *comparison) bool {
	if o.comparison != c {
		return false
	}
	o.comparison = nil
	return true
}

// drain asks the source for everything that happened until now. The channel is closed when the source has returned it.
// While the source is not watched, the next comparison finds it.
func (o *outgoing) drain() <-chan struct{} {
	var request uint64
	if o.watch != nil {
		request = o.watch.Drain()
	}
	return o.drains.add(request)
}
