package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hapair-io/hapair/internal/replication/protocol"
	"github.com/hapair-io/hapair/internal/replication/wire"
)

// deadlineEvery is how often the reader tells until when it waits: each time is work for the runtime's timers.
const deadlineEvery = silence / 10

// read takes the peer's frames until there are no more.
func (c *conversation) read(ctx context.Context) error {
	memory := memories.Get().(*wire.Memory)
	var told time.Time
	for {
		if now := time.Now(); now.Sub(told) > deadlineEvery {
			told = now
			if err := c.connection.SetReadDeadline(now.Add(silence)); err != nil {
				return fmt.Errorf("listening to the peer: %w", err)
			}
		}
		if ctx.Err() != nil { // the deadline just set must not outlive the conversation's end
			return ctx.Err()
		}
		f, err := readFrame(c.reader, memory)
		if err != nil {
			return whyUnheard(err)
		}
		forApplier, err := c.receive(f)
		if err != nil {
			return err
		}
		if !forApplier {
			continue
		}
		taken, err := c.applier.take(ctx, work{frame: f, memory: memory})
		if err != nil {
			return err
		}
		if taken {
			memory = memories.Get().(*wire.Memory)
		}
	}
}

// whyUnheard is what it means that a frame could not be read.
func whyUnheard(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("the peer was silent for %s", silence)
	}
	return fmt.Errorf("listening to the peer: %w", err)
}

// receive acts on a frame, or says that it is the applier's.
func (c *conversation) receive(f wire.Frame) (forApplier bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	verdict, err := c.session.Receive(f)
	if err != nil {
		return false, err
	}
	if verdict == protocol.Refuse {
		c.log.V(1).Info("Refusing frame of an older term or another role", "kind", f.Kind())
		return false, nil
	}
	switch f := f.(type) {
	case *wire.DigestRequest, *wire.Begin, *wire.Records, *wire.SnapshotEnd, *wire.Delta, *wire.Barrier, *wire.Relinquish:
		return true, nil
	case *wire.RoleChange:
		c.reconsider(true)
	case *wire.Ack:
		c.flight.acked(f.Position, f.Held, time.Now())
		c.reconsider(false)
	case *wire.Digests:
		for _, s := range c.streams {
			s.surveyed(f)
		}
	case *wire.Resync:
		for _, s := range c.streams {
			if s.class.ID == f.Class {
				s.lost(lossStandby, "the standby could not keep it")
			}
		}
	case *wire.Sync:
		c.setInSync(f.InSync)
	case *wire.BarrierAck:
		c.barrierAcked(f.ID)
	case *wire.RelinquishAck:
		if acked, ok := c.relinquishes[f.Term]; ok {
			close(acked)
			delete(c.relinquishes, f.Term)
		}
	case *wire.Bye:
		return false, fmt.Errorf("the peer took its leave: %s", f.Reason)
	}
	return false, nil
}
