package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/audit"
	"github.com/hapair-io/hapair/internal/replication/queue"
	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// queueLimits bound what one class may have waiting: some seconds of a flood. Past them a snapshot is cheaper anyway.
var queueLimits = queue.Limits{Entries: 262_144, Bytes: 64 << 20}

// A resync waits, longer each time, so that a table that changes faster than it can be sent does not make the unit send
// it forever without a pause. After a calm time the first resync is quick again.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 10 * time.Second
	calm       = time.Minute
)

// streamPhase is how far a stream has come.
type streamPhase uint8

const (
	// phaseIdle: the tables are to be compared, and that will see all that happens until it begins.
	phaseIdle streamPhase = iota
	// phaseSurvey: the tables are being compared, and changes wait for the end of the snapshot of what differs.
	phaseSurvey
	// phaseSnapshot: a snapshot is under way, and changes wait for its end.
	phaseSnapshot
	// phaseLive: changes are sent as they come.
	phaseLive
)

// stream sends one class, from the moment that there is a standby until there is none. What is below the conversation
// is guarded by its lock.
type stream struct {
	class        class.Class
	conversation *conversation
	resync       chan struct{} // signalled when the snapshot must be taken anew

	phase       streamPhase
	queue       *queue.Queue
	arrivals    arrivals
	metrics     *classMetrics
	turns       int // frames that it may send before another class does
	generation  uint64
	begun       bool                // Begin is to be sent
	batches     chan []state.Change // of the snapshot under way
	emitted     bool                // batches has all of it
	count       uint64              // entries of the snapshot that were sent
	snapshotEnd uint64              // position of the last SnapshotEnd
	scope       *audit.Scope        // what the snapshot is of
	survey      *survey             // under way
	abort       context.CancelFunc  // ends the survey or the snapshot under way
	watch       class.Watch
	drains      []drain
	// The frames on their way, used again and again by whoever holds the conversation's writing lock.
	records wire.Records
	delta   wire.Delta
}

// drain waits until the source has told of everything up to a question.
type drain struct {
	question uint64
	done     chan struct{}
}

func newStream(c *conversation, class class.Class) *stream {
	return &stream{
		class: class, conversation: c, resync: make(chan struct{}, 1), metrics: c.engine.metrics[class.ID],
		queue: queue.New(queueLimits, class.Codec.Merge), abort: func() {},
	}
}

// run sends until the context ends. When the source fails it begins anew.
func (s *stream) run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		err := s.watchAndSend(ctx)
		if ctx.Err() != nil {
			return
		}
		s.conversation.log.Error(err, "Reading class failed, trying again",
			"class", s.class.ID.String(), "after", pause.String())
		s.locked(func() { s.lost(lossSource, "its source failed") })
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, longPause)
	}
}

func (s *stream) watchAndSend(ctx context.Context) error {
	watch, err := s.class.Source.Watch()
	if err != nil {
		return fmt.Errorf("watching: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { cancel(s.receive(ctx, watch)) })
	s.locked(func() { s.watch = watch })

	err = s.keepSent(ctx)
	cancel(err)
	watching.Wait()
	s.locked(func() { s.watch = nil })
	return errors.Join(context.Cause(ctx), watch.Close())
}

// keepSent makes the standby equal, again whenever changes were lost, and looks now and then whether it still is.
func (s *stream) keepSent(ctx context.Context) error {
	pause := firstPause
	for {
		start := time.Now()
		if err := s.synchronize(ctx); err != nil {
			return err
		}
		if err := s.auditUntilLost(ctx); err != nil {
			return err
		}
		if time.Since(start) > calm {
			pause = firstPause
		}
		if !sleep(ctx, pause) {
			return ctx.Err()
		}
		pause = min(2*pause, longPause)
	}
}

// synchronize sends the standby what it has otherwise, for the writer. It returns early, and without an error, when
// changes were lost meanwhile.
func (s *stream) synchronize(ctx context.Context) error {
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	var asked *survey
	s.locked(func() {
		// What was lost until here, the survey sees.
		select {
		case <-s.resync:
		default:
		}
		s.phase, s.abort = phaseSurvey, abort
		s.clear()
		s.answerDrains(func(drain) bool { return true })
		asked = s.ask(false)
	})
	scope, err := s.differing(ctx, asked)
	if err == nil {
		err = s.snapshot(ctx, scope)
	}
	s.locked(func() {
		s.survey = nil
		if s.phase == phaseIdle { // lost
			err = nil
		}
	})
	return err
}

// snapshot reads what is in scope of the class into frames for the writer.
func (s *stream) snapshot(ctx context.Context, scope *audit.Scope) error {
	batches := make(chan []state.Change, 1)
	s.locked(func() {
		if s.phase == phaseSurvey { // else lost, and the context has ended
			s.phase, s.begun, s.emitted, s.count, s.scope, s.batches = phaseSnapshot, true, false, 0, scope, batches
		}
	})
	signal(s.conversation.wake)
	if scope.Len() > 0 {
		if err := s.emit(ctx, scope, batches); err != nil {
			return fmt.Errorf("taking a snapshot: %w", err)
		}
	}
	s.locked(func() { s.emitted = s.phase == phaseSnapshot })
	signal(s.conversation.wake)
	return nil
}

func (s *stream) emit(ctx context.Context, scope *audit.Scope, batches chan<- []state.Change) error {
	return s.class.Source.Snapshot(ctx, func(changes []state.Change) error {
		changes = slices.DeleteFunc(changes, func(c state.Change) bool { return !scope.Has(c.Key) || !s.fits(c) })
		if scope != nil {
			s.metrics.repaired.Add(float64(len(changes)))
		}
		for chunk := range frames(changes) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case batches <- chunk:
				signal(s.conversation.wake)
			}
		}
		return nil
	})
}

// receive takes changes from the watch into the queue.
func (s *stream) receive(ctx context.Context, watch class.Watch) error {
	for {
		batch, err := watch.Receive(ctx)
		switch {
		case errors.Is(err, class.ErrOverrun):
			s.locked(func() { s.lost(lossOverrun, err.Error()) })
			continue
		case err != nil:
			return fmt.Errorf("receiving changes: %w", err)
		}
		s.locked(func() { s.received(batch) })
		if batch.Deferrable {
			s.conversation.sendLater()
		} else {
			s.conversation.sendSoon()
		}
	}
}

// received takes what the source told of. The caller holds the lock.
func (s *stream) received(batch class.Batch) {
	s.push(batch.Changes)
	if batch.Drained > 0 {
		s.answerDrains(func(d drain) bool { return d.question <= batch.Drained })
	}
}

// push adds changes to the queue. The caller holds the lock.
func (s *stream) push(changes []state.Change) {
	if s.phase == phaseIdle {
		return // the comparison to come sees them
	}
	before := s.queue.Len()
	for _, change := range changes {
		if !s.fits(change) {
			continue
		}
		s.survey.changed(change.Key)
		within, err := s.queue.Push(change)
		switch {
		case err != nil:
			s.lost(lossRecord, err.Error())
			return
		case !within:
			s.lost(lossQueue, "more changed than may wait")
			return
		}
	}
	if len(changes) == 0 {
		return
	}
	s.arrivals.came(s.queue, time.Now())
	s.metrics.events.Add(float64(len(changes)))
	s.metrics.coalesced.Add(float64(before + len(changes) - s.queue.Len()))
	s.metrics.waiting(s.queue)
	// As long as the standby is in sync, what waits can change that only by being much.
	if !s.conversation.inSync || s.queue.Len() > muchQueued {
		s.conversation.reconsider(false)
	}
}

// fits says whether a frame has room for a change. There is none for what is no entry of any class that is known, which
// is left out: to send it would end the conversation each time.
func (s *stream) fits(c state.Change) bool {
	err := wire.Fits(c)
	if err != nil {
		s.conversation.log.Error(err, "Leaving out entry", "class", s.class.ID.String())
	}
	return err == nil
}

// lost notes that what was sent is no longer all that happened: the tables will be compared. The caller holds the lock.
func (s *stream) lost(kind loss, why string) {
	if s.phase == phaseIdle {
		return
	}
	s.conversation.log.Info("Comparing class anew", "class", s.class.ID.String(), "why", why)
	s.conversation.resyncs++
	s.metrics.resyncs[kind].Inc()
	s.phase, s.begun, s.survey = phaseIdle, false, nil
	s.abort()
	s.clear()
	signal(s.resync)
	s.conversation.reconsider(false)
}

// clear forgets what waits. The caller holds the lock.
func (s *stream) clear() {
	s.queue.Clear()
	s.arrivals = arrivals{}
	s.metrics.waiting(s.queue)
}

// drain asks for an answer when the source has told of everything that happened until now.
func (s *stream) drain() drain {
	d := drain{done: make(chan struct{})}
	s.locked(func() {
		if s.watch != nil {
			d.question = s.watch.Drain()
		} // else the comparison to come is the answer
		s.drains = append(s.drains, d)
	})
	return d
}

// answerDrains answers those whose question is answered. The caller holds the lock.
func (s *stream) answerDrains(answered func(drain) bool) {
	s.drains = slices.DeleteFunc(s.drains, func(d drain) bool {
		if answered(d) {
			close(d.done)
			return true
		}
		return false
	})
}

func (s *stream) locked(f func()) {
	s.conversation.mu.Lock()
	defer s.conversation.mu.Unlock()
	f()
}

// sleep waits, and says whether it was not the context that ended it.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
