package sender

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/audit"
	"github.com/hapair-io/hapair/internal/replication/pace"
	"github.com/hapair-io/hapair/internal/replication/queue"
	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// A stream pauses before each resync, and longer each time. Without a pause, a table that changes faster than it can be
// sent would be sent all the time. After calmPeriod without a resync the pause is short again.
const (
	minPause   = 100 * time.Millisecond
	maxPause   = 10 * time.Second
	calmPeriod = time.Minute
)

// stream sends one class while state flows to the standby.
type stream struct {
	class    class.Class
	metrics  *ClassMetrics
	log      logr.Logger
	session  Session
	counters *Counters
	// inSync reports whether the standby is in sync.
	inSync func() bool
	// changed is called when the standby may have come in sync or out of it.
	changed       func()
	auditInterval time.Duration // 0 disables audits
	// resync is signalled when the tables must be compared again.
	resync chan struct{}

	outgoing locked[outgoing]
}

// run sends until ctx ends. If the source fails, it starts again.
func (s *stream) run(ctx context.Context) {
	pause := minPause
	for ctx.Err() == nil {
		err := s.watchAndSend(ctx)
		if ctx.Err() != nil {
			return
		}
		s.log.Error(err, "Failed to read class, trying again", "after", pause.String())
		s.lose(lossSource, err)
		if !pace.Sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, maxPause)
	}
}

// watchAndSend watches the source and sends until ctx ends or the source fails.
func (s *stream) watchAndSend(ctx context.Context) error {
	watch, err := s.class.Source.Watch()
	if err != nil {
		return fmt.Errorf("watching: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var receiving sync.WaitGroup
	receiving.Go(func() { cancel(s.receive(ctx, watch)) })
	s.outgoing.do(func(o *outgoing) { o.watch = watch })

	cancel(s.keepInSync(ctx))
	receiving.Wait()
	s.outgoing.do(func(o *outgoing) { o.watch = nil })
	return errors.Join(context.Cause(ctx), watch.Close())
}

// receive takes changes from the watch into the queue.
func (s *stream) receive(ctx context.Context, watch class.Watch) error {
	for {
		batch, err := watch.Receive(ctx)
		switch {
		case errors.Is(err, class.ErrOverrun):
			s.lose(lossOverrun, err)
			continue
		case err != nil:
			return fmt.Errorf("receiving changes: %w", err)
		}
		s.push(batch)
		if batch.Deferrable {
			s.session.SendLater()
		} else {
			s.session.SendSoon()
		}
	}
}

// push takes a batch into the queue.
func (s *stream) push(batch class.Batch) {
	changes := slices.DeleteFunc(batch.Changes, s.isTooLarge)
	var queued int
	var reason loss
	var err error
	s.outgoing.do(func(o *outgoing) {
		reason, err = o.push(changes)
		if batch.Drained > 0 {
			o.drains.finish(batch.Drained)
		}
		queued = o.queue.Len()
	})
	if err != nil {
		s.lose(reason, err)
	}
	// A standby in sync stays so unless many changes wait.
	if len(changes) > 0 && (!s.inSync() || queued > manyQueued) {
		s.changed()
	}
}

// isTooLarge reports whether no frame can hold a change. Such a change is not of any known class. It is left out: to
// send it would end the session each time.
func (s *stream) isTooLarge(c state.Change) bool {
	err := wire.Fits(c)
	if err != nil {
		s.log.Error(err, "Leaving out entry")
	}
	return err != nil
}

// lose records that changes were lost: the tables will be compared.
func (s *stream) lose(reason loss, err error) {
	var lost bool
	s.outgoing.do(func(o *outgoing) { lost = o.lose(reason) })
	if !lost {
		return
	}
	s.log.Info("Comparing class again", "reason", err.Error())
	s.counters.resyncs.Add(1)
	select {
	case s.resync <- struct{}{}:
	default:
	}
	s.changed()
}

// drain returns a channel that is closed when the source has returned everything that happened before the call.
func (s *stream) drain() (done <-chan struct{}) {
	s.outgoing.do(func(o *outgoing) { done = o.drain() })
	return done
}

// mark returns the point in the queue after the last change.
func (s *stream) mark() (mark queue.Mark) {
	s.outgoing.do(func(o *outgoing) { mark = o.queue.Mark() })
	return mark
}

// hasPassed reports whether everything that was pushed before a mark has been sent.
func (s *stream) hasPassed(mark queue.Mark) (passed bool) {
	s.outgoing.do(func(o *outgoing) { passed = o.hasPassed(mark) })
	return passed
}

// queued returns the number of changes that wait.
func (s *stream) queued() (n int) {
	s.outgoing.do(func(o *outgoing) { n = o.queue.Len() })
	return n
}

// keepInSync makes the standby equal, again after each loss, and audits it meanwhile.
func (s *stream) keepInSync(ctx context.Context) error {
	pause := minPause
	for {
		start := time.Now()
		if err := s.synchronize(ctx); err != nil {
			return err
		}
		if err := s.auditUntilLoss(ctx); err != nil {
			return err
		}
		if time.Since(start) > calmPeriod {
			pause = minPause
		}
		if !pace.Sleep(ctx, pause) {
			return ctx.Err()
		}
		pause = min(2*pause, maxPause)
	}
}

// synchronize compares the tables, and has a snapshot of the parts that differ sent. If changes are lost meanwhile, it
// returns early and without an error.
func (s *stream) synchronize(ctx context.Context) error {
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	select { // the comparison finds what was lost until now
	case <-s.resync:
	default:
	}
	var c *comparison
	s.outgoing.do(func(o *outgoing) { c = o.beginComparison(abort) })
	s.session.Wake()
	ours, theirs, err := s.compare(ctx, c)
	if err == nil {
		var scope *audit.Scope // all of the table
		if ours != nil {
			scope = ours.Differing(theirs.Sums)
		}
		err = s.takeSnapshot(ctx, scope)
	}
	var complete bool
	s.outgoing.do(func(o *outgoing) { complete = o.endComparison(c) })
	if !complete {
		return nil
	}
	return err
}

// takeSnapshot reads the entries in scope into batches, which the writer sends.
func (s *stream) takeSnapshot(ctx context.Context, scope *audit.Scope) error {
	var snap *snapshot
	s.outgoing.do(func(o *outgoing) { snap = o.beginSnapshot(scope) })
	if snap == nil {
		return ctx.Err()
	}
	s.session.Wake()
	if scope.Len() > 0 {
		if err := s.readInto(ctx, snap); err != nil {
			return fmt.Errorf("taking a snapshot: %w", err)
		}
	}
	s.outgoing.do(func(*outgoing) { snap.isRead = true })
	s.session.Wake()
	return nil
}

// readInto reads the entries of a snapshot.
func (s *stream) readInto(ctx context.Context, snap *snapshot) error {
	entries := 0
	err := s.class.Source.Snapshot(ctx, func(changes []state.Change) error {
		entries += len(changes)
		changes = slices.DeleteFunc(changes, func(c state.Change) bool {
			return !snap.scope.Has(c.Key) || s.isTooLarge(c)
		})
		if snap.scope != nil {
			s.metrics.repaired.Add(float64(len(changes)))
		}
		for chunk := range chunks(changes) {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case snap.batches <- chunk:
				s.session.Wake()
			}
		}
		return nil
	})
	if err == nil {
		s.metrics.cost.setEntries(uint64(entries)) //nolint:gosec // A count is not negative.
	}
	return err
}

// compare digests this unit's table while the standby digests its own. It returns no digest of this unit if there is
// nothing to compare it with.
func (s *stream) compare(ctx context.Context, c *comparison) (ours *audit.Digest, theirs *wire.Digests, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var digesting sync.WaitGroup
	defer digesting.Wait()
	defer cancel()
	digest, digested := audit.New(c.seed), make(chan error, 1)
	digesting.Go(func() { digested <- s.digest(ctx, c, digest) })
	select {
	case theirs = <-c.answer:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if !c.isUsable(theirs) {
		return nil, theirs, nil
	}
	if err := <-digested; err != nil {
		return nil, nil, fmt.Errorf("digesting: %w", err)
	}
	s.metrics.cost.setEntries(digest.Entries())
	return digest, theirs, nil
}

// digest adds this unit's entries to a digest. Entries that the standby may or may not have count as changed.
func (s *stream) digest(ctx context.Context, c *comparison, into *audit.Digest) error {
	pacer := pace.New(c.isAudit())
	return s.class.Source.Digest(ctx, func(key string, fields []byte) error {
		if fields == nil {
			s.outgoing.do(func(*outgoing) { c.touch(key) })
		} else {
			into.Add(key, fields)
		}
		return pacer.Step(ctx)
	})
}

// auditUntilLoss audits the standby's table in regular intervals until changes are lost.
func (s *stream) auditUntilLoss(ctx context.Context) error {
	var due <-chan time.Time // never, if audits are disabled
	if s.auditInterval > 0 {
		ticker := time.NewTicker(s.auditInterval)
		defer ticker.Stop()
		due = ticker.C
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.resync:
			return nil
		case <-due:
			if err := s.audit(ctx); err != nil {
				return err
			}
		}
	}
}

// audit compares the tables while changes are sent. What changes meanwhile may differ, and is left to the next audit.
// Any other difference means that a loss went unnoticed. It is repaired like every loss.
func (s *stream) audit(ctx context.Context) error {
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	if !s.inSync() {
		return nil
	}
	var c *comparison
	s.outgoing.do(func(o *outgoing) { c = o.beginAudit(abort) })
	if c == nil {
		return nil
	}
	s.session.Wake()
	ours, theirs, err := s.compare(ctx, c)
	if err == nil {
		// The source must first return every change that this unit's digest has seen.
		select {
		case <-s.drain():
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	var complete bool
	s.outgoing.do(func(o *outgoing) { complete = o.endComparison(c) })
	if !complete {
		return nil
	}
	if err != nil {
		return err
	}
	s.evaluate(c, ours, theirs)
	return nil
}

// evaluate records the result of an audit.
func (s *stream) evaluate(c *comparison, ours *audit.Digest, theirs *wire.Digests) {
	if ours == nil {
		s.metrics.audits[auditUnknown].Inc()
		return
	}
	differing := ours.Differing(theirs.Sums).Without(c.touched).Len()
	s.metrics.divergence.Set(float64(differing))
	if differing == 0 {
		s.metrics.audits[auditEqual].Inc()
		return
	}
	s.metrics.audits[auditDiverged].Inc()
	s.lose(lossDiverged, fmt.Errorf("an audit found %d of %d parts of the standby's table different",
		differing, audit.Buckets))
}
