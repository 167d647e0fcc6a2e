package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/hapair-io/hapair/internal/replication/protocol"
	"github.com/hapair-io/hapair/internal/replication/queue"
	"github.com/hapair-io/hapair/internal/replication/wire"
)

// barrier is a question to the standby that is asked after everything that came before it, and answered once all of
// that is written.
type barrier struct {
	id    uint64
	sent  bool
	marks map[*stream]queue.Mark
	acked chan struct{}
}

// flush returns when everything that changed before the call is written on the standby. First each source is asked to
// have told of it, then the standby to have written it.
func (c *conversation) flush(ctx context.Context) error {
	select { // one at a time: the second would wait for the same
	case c.flushing <- struct{}{}:
		defer func() { <-c.flushing }()
	case <-ctx.Done():
		return fmt.Errorf("waiting for an earlier flush: %w", ctx.Err())
	}
	streams, err := c.beginFlush()
	if err != nil {
		return err
	}
	defer c.endFlush()
	for _, s := range streams {
		if err := c.await(ctx, s.drain().done, "waiting for "+s.class.ID.String()+" to be read"); err != nil {
			return err
		}
	}
	b := c.raise(streams)
	defer c.lower(b)
	return c.await(ctx, b.acked, "waiting for the standby to write")
}

func (c *conversation) beginFlush() ([]*stream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.session.Sends() {
		return nil, ErrNoStandby
	}
	c.flushes++
	signal(c.wake)
	return append([]*stream(nil), c.streams...), nil
}

func (c *conversation) endFlush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flushes--
}

func (c *conversation) raise(streams []*stream) *barrier {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lastID++
	b := &barrier{id: c.lastID, marks: map[*stream]queue.Mark{}, acked: make(chan struct{})}
	for _, s := range streams {
		b.marks[s] = s.queue.Mark()
	}
	c.barriers = append(c.barriers, b)
	signal(c.wake)
	return b
}

func (c *conversation) lower(b *barrier) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.barriers {
		if c.barriers[i] == b {
			c.barriers = append(c.barriers[:i], c.barriers[i+1:]...)
			return
		}
	}
}

// nextBarrier is the next barrier of which everything before it has been sent. The caller holds the lock.
func (c *conversation) nextBarrier() wire.Frame {
	for _, b := range c.barriers {
		if !b.sent && b.passed() && c.session.Sends() {
			b.sent = true
			term := c.session.Local().Term
			return &wire.Barrier{Term: term, ID: b.id}
		}
	}
	return nil
}

func (b *barrier) passed() bool {
	for s, mark := range b.marks {
		if s.phase != phaseLive || !s.queue.Passed(mark) {
			return false
		}
	}
	return true
}

// barrierAcked notes an answer. The caller holds the lock.
func (c *conversation) barrierAcked(id uint64) {
	for _, b := range c.barriers {
		if b.id == id && b.sent {
			close(b.acked)
			b.id = 0 // answered once
		}
	}
}

// relinquish tells the peer that this unit forwards no more in a term before the given one, after all that it still had to
// send. The sequence is passed on as it is.
func (c *conversation) relinquish(ctx context.Context, term, sequence uint64) error {
	c.mu.Lock()
	// From here on nothing of this term is sent, without a word about it: the peer's last word on being in sync must be
	// the one from before, by which it judges whether it may take over.
	c.relinquished = true
	view := protocol.View{Role: wire.RoleNone, Term: c.session.Local().Term}
	c.session.SetLocal(view)
	c.stopStreams()
	acked := make(chan struct{})
	c.relinquishes[term] = acked
	c.send(&wire.Relinquish{Term: term, Sequence: sequence})
	c.mu.Unlock()

	err := c.await(ctx, acked, fmt.Sprintf("waiting for the peer to acknowledge that the role is given up for term %d", term))
	if err != nil {
		c.mu.Lock()
		delete(c.relinquishes, term)
		c.mu.Unlock()
	}
	return err
}

// settle returns when all that has been received is applied.
func (c *conversation) settle(ctx context.Context) error {
	settled := make(chan struct{})
	select {
	case c.settles <- settled:
	case <-c.ended:
		return nil // the applier finished what there was
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-settled:
		return nil
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// await waits for the peer as long as there is one.
func (c *conversation) await(ctx context.Context, done <-chan struct{}, what string) error {
	start := time.Now()
	select {
	case <-done:
		return nil
	case <-c.ended:
		return fmt.Errorf("%s: %w any more", what, ErrNoStandby)
	case <-ctx.Done():
		return fmt.Errorf("%s for %s: %w", what, time.Since(start).Round(time.Millisecond), ctx.Err())
	}
}
