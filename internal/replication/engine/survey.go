package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/replication/audit"
	"github.com/hapair-io/hapair/internal/replication/queue"
	"github.com/hapair-io/hapair/internal/replication/wire"
)

// survey is a question to the standby for the digests of its table.
type survey struct {
	generation uint64
	seed       uint64
	// after is what is sent before it.
	after queue.Mark
	sent  bool
	// touched are the parts of the table that change while the two tables are looked at; nil when no change is sent
	// meanwhile.
	touched *audit.Scope
	digests chan *wire.Digests // takes one
}

// changed notes that an entry changed. There may be no survey.
func (s *survey) changed(key string) {
	if s != nil && s.touched != nil {
		s.touched.Add(key)
	}
}

// ask begins a survey. Live says that changes are sent meanwhile. The caller holds the lock.
func (s *stream) ask(live bool) *survey {
	s.generation++
	s.survey = &survey{
		generation: s.generation, seed: rand.Uint64(), after: s.queue.Mark(), digests: make(chan *wire.Digests, 1),
	}
	if live {
		s.survey.touched = audit.NewScope(s.survey.seed)
	}
	signal(s.conversation.wake)
	return s.survey
}

// nextSurvey is the question that is to be asked now, if any. The caller holds the lock.
func (s *stream) nextSurvey() wire.Frame {
	if s.survey == nil || s.survey.sent || !s.queue.Passed(s.survey.after) {
		return nil
	}
	s.survey.sent = true
	position, term := s.conversation.session.NextPosition()
	return &wire.DigestRequest{
		Class: s.class.ID, Term: term, Position: position, Generation: s.survey.generation, Seed: s.survey.seed,
		Gentle: s.survey.touched != nil,
	}
}

// surveyed takes the standby's answer. The caller holds the lock.
func (s *stream) surveyed(f *wire.Digests) {
	if s.class.ID != f.Class || s.survey == nil || s.survey.generation != f.Generation {
		return // of an earlier one
	}
	select {
	case s.survey.digests <- f:
	default:
	}
}

// differing is what of the class the standby has otherwise; nil for all of it.
func (s *stream) differing(ctx context.Context, asked *survey) (*audit.Scope, error) {
	ours, theirs, err := s.look(ctx, asked)
	if err != nil || ours == nil {
		return nil, err
	}
	return ours.Differing(theirs.Sums), nil
}

// look digests this unit's table while the standby digests its own. It returns none of this unit when there is nothing
// to compare with.
func (s *stream) look(ctx context.Context, asked *survey) (ours *audit.Digest, theirs *wire.Digests, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var looking sync.WaitGroup
	defer looking.Wait()
	defer cancel()
	digest, looked := audit.New(asked.seed), make(chan error, 1)
	looking.Go(func() { looked <- s.digest(ctx, asked, digest) })
	select {
	case theirs = <-asked.digests:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if !asked.comparable(theirs) {
		return nil, theirs, nil
	}
	if err := <-looked; err != nil {
		return nil, nil, fmt.Errorf("surveying: %w", err)
	}
	return digest, theirs, nil
}

// comparable tells whether there is anything to compare with. A peer of another version may cut its table otherwise. A
// standby without entries is sent all of them, unless it was believed to have them.
func (s *survey) comparable(theirs *wire.Digests) bool {
	if theirs.Entries == 0 {
		return theirs.Known && s.touched != nil
	}
	return theirs.Known && len(theirs.Sums) == audit.Buckets
}

func (s *stream) digest(ctx context.Context, asked *survey, into *audit.Digest) error {
	pace := pace{gentle: asked.touched != nil, since: time.Now()}
	return s.class.Source.Digest(ctx, func(key string, fields []byte) error {
		if fields == nil {
			s.locked(func() { asked.changed(key) })
		} else {
			into.Add(key, fields)
		}
		return pace.step(ctx)
	})
}

// auditUntilLost compares the tables now and then until changes are lost.
func (s *stream) auditUntilLost(ctx context.Context) error {
	var due <-chan time.Time // never, if there is no interval
	if interval := s.conversation.engine.config.AuditInterval; interval > 0 {
		ticker := time.NewTicker(interval)
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

// audit compares the tables while changes are sent. What changes meanwhile may differ, and is left to the next audit;
// that anything else does says that something was lost, unnoticed. It is repaired as any other loss is.
func (s *stream) audit(ctx context.Context) error {
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	var asked *survey
	s.locked(func() {
		if s.phase == phaseLive && s.conversation.inSync {
			s.abort = abort
			asked = s.ask(true)
		}
	})
	if asked == nil {
		return nil // the standby is being made equal as it is
	}
	ours, theirs, err := s.look(ctx, asked)
	if err == nil {
		// What this unit saw of its table, the source has told of.
		err = s.conversation.await(ctx, s.drain().done, "auditing "+s.class.ID.String())
	}
	s.locked(func() {
		if s.survey != asked { // lost
			err = nil
			return
		}
		s.survey = nil
		if err == nil {
			s.judge(asked, ours, theirs)
		}
	})
	return err
}

// judge takes the outcome of an audit. The caller holds the lock.
func (s *stream) judge(asked *survey, ours *audit.Digest, theirs *wire.Digests) {
	if ours == nil {
		s.metrics.audits[auditUnknown].Inc()
		return
	}
	differing := ours.Differing(theirs.Sums).Without(asked.touched)
	s.metrics.divergence.Set(float64(differing.Len()))
	if differing.Len() == 0 {
		s.metrics.audits[auditEqual].Inc()
		return
	}
	s.metrics.audits[auditDiverged].Inc()
	s.lost(lossDiverged, fmt.Sprintf("an audit found %d of %d parts of the standby's table different",
		differing.Len(), audit.Buckets))
}

// auditResult is what came of an audit.
type auditResult uint8

const (
	// auditEqual: nothing differs that did not change meanwhile.
	auditEqual auditResult = iota
	// auditDiverged: something does.
	auditDiverged
	// auditUnknown: the standby could not tell.
	auditUnknown

	auditResults = int(auditUnknown) + 1
)

// String is the result's name in metrics.
func (r auditResult) String() string {
	return [auditResults]string{"Equal", "Diverged", "Unknown"}[r]
}
