package receiver

import (
	"context"
	"sync"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/audit"
	"github.com/hapair-io/hapair/internal/replication/pace"
	"github.com/hapair-io/hapair/internal/replication/wire"
)

// background runs the digesting of tables while changes are written. Its methods are safe for concurrent use.
type background struct {
	running sync.WaitGroup

	mu     sync.Mutex
	cancel context.CancelFunc // of all that run; nil if none was started
	ctx    context.Context
}

// start runs f until it returns; stop cancels its context.
func (b *background) start(f func(context.Context)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cancel == nil {
		b.ctx, b.cancel = context.WithCancel(context.Background())
	}
	ctx := b.ctx
	b.running.Go(func() { f(ctx) })
}

// stop cancels all that run. They write nothing to a sink after stop has returned.
func (b *background) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cancel != nil {
		b.cancel()
		b.cancel = nil
	}
}

// wait returns when all have ended.
func (b *background) wait() { b.running.Wait() }

// digest returns the answer to a request for digests. The answer to a request in the background takes longer, and
// leaves the sink as it is. Otherwise it also adopts the entries that the unit has from elsewhere: the active sends no
// changes meanwhile, which adoption could overwrite.
func digest(ctx context.Context, sink class.Sink, request wire.DigestRequest) (*wire.Digests, error) {
	read := sink.Adopt
	if request.Background {
		read = sink.Digest
	}
	sums, pacer := audit.New(request.Seed), pace.New(request.Background)
	err := read(ctx, func(key string, fields []byte) error {
		sums.Add(key, fields)
		return pacer.Step(ctx)
	})
	if err != nil {
		return unknown(request), err
	}
	answer := &wire.Digests{
		Class: request.Class, Generation: request.Generation, Known: true, Entries: sums.Entries(),
	}
	if answer.Entries > 0 {
		answer.Sums = sums.Sums()
	}
	return answer, nil
}

// unknown returns the answer of a standby that cannot read its table. The active waits for an answer in any case.
func unknown(request wire.DigestRequest) *wire.Digests {
	return &wire.Digests{Class: request.Class, Generation: request.Generation}
}
