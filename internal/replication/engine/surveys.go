package engine

import (
	"context"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/replication/audit"
	"github.com/hapair-io/hapair/internal/replication/wire"
)

// surveys are the looks at the standby's tables that the active asked for. They run beside the writing of changes, one
// for each class at a time.
type surveys struct {
	running sync.WaitGroup

	mu     sync.Mutex
	cancel context.CancelFunc // of all that are under way
	ctx    context.Context
}

// begin runs one until it is stopped.
func (s *surveys) begin(survey func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel == nil {
		s.ctx, s.cancel = context.WithCancel(context.Background())
	}
	ctx := s.ctx
	s.running.Go(func() { survey(ctx) })
}

// stop ends all that are under way. None of them writes anything after it returned.
func (s *surveys) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel()
		s.cancel = nil
	}
}

// wait returns when all have ended.
func (s *surveys) wait() { s.running.Wait() }

// survey looks at the table of a class, and tells the active what it saw, also if that is nothing: it waits for it.
func (a *applier) survey(f *wire.DigestRequest) {
	in, question := a.incoming(f.Class), *f
	in.emptyAt = 0 // generations begin anew with each life of the peer as active
	a.surveys.begin(func(ctx context.Context) {
		digest := audit.New(question.Seed)
		pace := pace{gentle: question.Gentle, since: time.Now()}
		var err error
		if !question.Gentle { // no changes come meanwhile, which an adopted entry could otherwise overwrite
			err = in.class.Sink.Adopt(ctx)
		}
		if err == nil {
			err = in.class.Sink.Digest(ctx, func(key string, fields []byte) error {
				digest.Add(key, fields)
				return pace.step(ctx)
			})
		}
		if err != nil && ctx.Err() == nil {
			a.conversation.log.Error(err, "Surveying class failed", "class", in.class.ID.String())
		}
		answer := &wire.Digests{
			Class: question.Class, Generation: question.Generation, Known: err == nil, Entries: digest.Entries(),
		}
		if answer.Entries > 0 {
			answer.Sums = digest.Sums()
		} else if answer.Known {
			a.mu.Lock()
			in.emptyAt = question.Generation
			a.mu.Unlock()
		}
		a.answer(answer)
	})
}
