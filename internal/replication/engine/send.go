package engine

import (
	"iter"
	"time"

	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// Bounds of one frame of state: small enough that a sign of life does not wait long behind it, large enough that the
// standby's kernel is asked in full batches.
const (
	maxRecords = 512
	maxBytes   = 256 << 10
)

// next is the frame to send now: answers and questions first, then state. Without one it says how long the throttle
// holds state back; 0 when it does not. The frame is valid until the next call.
func (c *conversation) next(now time.Time) (wire.Frame, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.control) > 0 { // before acknowledgements: one that follows a plea for a snapshot must not look like success
		f := c.control[0]
		c.control = c.control[1:]
		return f, 0
	}
	if c.ackDue {
		c.ackDue = false
		c.ack = wire.Ack{Position: c.applied}
		return &c.ack, 0
	}
	if f := c.nextBarrier(); f != nil {
		return f, 0
	}
	if !c.session.Sends() || len(c.streams) == 0 {
		return nil, 0
	}
	if c.flushes == 0 {
		if wait := c.engine.throttle.wait(now); wait > 0 {
			return nil, wait
		}
	}
	for range c.streams {
		s := c.streams[0]
		oldest := s.arrivals.oldest()
		f, records := s.next()
		c.took(s, f != nil)
		if f != nil {
			if _, ages := f.(*wire.Delta); !ages {
				oldest = time.Time{}
			}
			c.engine.throttle.spend(now, records)
			c.sent(s, records, oldest)
			return f, 0
		}
	}
	return nil, 0
}

// took ends the turn of the first stream when it has sent what its class's weight admits, or has nothing to send. The
// caller holds the lock.
func (c *conversation) took(s *stream, sent bool) {
	if s.turns == 0 {
		s.turns = max(1, s.class.Weight)
	}
	if s.turns--; s.turns > 0 && sent {
		return
	}
	s.turns = 0
	copy(c.streams, c.streams[1:])
	c.streams[len(c.streams)-1] = s
}

// sent notes that the next frame of state is on its way. The caller holds the lock.
func (c *conversation) sent(s *stream, records int, oldest time.Time) {
	s.metrics.sent.Add(float64(records))
	s.metrics.waiting(s.queue)
	s.arrivals.popped(s.queue)
	c.flight.sent(sentFrame{position: c.session.Sent(), records: records, oldest: oldest, metrics: s.metrics})
	c.tellPosition()
}

// next is the stream's next frame and the number of records in it. The caller holds the lock.
func (s *stream) next() (wire.Frame, int) {
	if f := s.nextSurvey(); f != nil {
		return f, 0
	}
	switch s.phase {
	case phaseIdle, phaseSurvey:
		return nil, 0
	case phaseSnapshot:
		return s.nextOfSnapshot()
	case phaseLive:
		changes := s.queue.Pop(maxRecords, s.conversation.engine.throttle.frameBytes())
		if len(changes) == 0 {
			return nil, 0
		}
		position, term := s.conversation.session.NextPosition()
		s.delta = wire.Delta{Class: s.class.ID, Term: term, Position: position, Changes: changes}
		return &s.delta, len(changes)
	default:
		return nil, 0
	}
}

func (s *stream) nextOfSnapshot() (wire.Frame, int) {
	if s.begun {
		s.begun = false
		position, term := s.conversation.session.NextPosition()
		return &wire.Begin{
			Class: s.class.ID, Term: term, Position: position, Generation: s.generation,
			Scope: s.scope.Bitmap(), Seed: s.scope.Seed(),
		}, 0
	}
	select {
	case batch := <-s.batches:
		position, term := s.conversation.session.NextPosition()
		s.count += uint64(len(batch))
		s.records = wire.Records{
			Class: s.class.ID, Term: term, Position: position, Generation: s.generation,
			Entries: appendEntries(s.records.Entries[:0], batch),
		}
		return &s.records, len(batch)
	default:
	}
	if !s.emitted {
		return nil, 0
	}
	position, term := s.conversation.session.NextPosition()
	s.phase, s.snapshotEnd = phaseLive, position
	s.records = wire.Records{} // the next snapshot may be far
	return &wire.SnapshotEnd{
		Class: s.class.ID, Term: term, Position: position, Generation: s.generation, Count: s.count,
	}, 0
}

// frames cuts a batch into what one frame holds.
func frames(changes []state.Change) iter.Seq[[]state.Change] {
	return func(yield func([]state.Change) bool) {
		for start := 0; start < len(changes); {
			end, bytes := start, 0
			for end < len(changes) && end-start < maxRecords && bytes <= maxBytes {
				bytes += len(changes[end].Key) + len(changes[end].Record)
				end++
			}
			if !yield(changes[start:end]) {
				return
			}
			start = end
		}
	}
}

func appendEntries(entries []wire.Entry, changes []state.Change) []wire.Entry {
	for _, c := range changes {
		entries = append(entries, wire.Entry{Key: c.Key, Record: c.Record})
	}
	return entries
}
