package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// write sends what there is to send until the context ends.
func (c *conversation) write(ctx context.Context) error {
	ping := time.NewTicker(pingInterval)
	defer ping.Stop()
	throttled := time.NewTimer(0)
	defer throttled.Stop()
	for {
		wait, err := c.sendAll(ctx)
		if err != nil {
			return err
		}
		if wait > 0 {
			throttled.Reset(wait)
		}
		select {
		case <-ctx.Done():
			return c.takeLeave(ctx)
		case <-c.wake:
		case <-throttled.C:
		case <-c.later.C:
			c.laterSet.Store(false)
		case <-ping.C:
			c.mu.Lock()
			c.send(&wire.Ping{})
			c.mu.Unlock()
		}
	}
}

// sendAll sends until there is nothing more that may be sent now, and says how long the throttle holds the rest back.
func (c *conversation) sendAll(ctx context.Context) (wait time.Duration, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for {
		f, wait := c.next(time.Now())
		more := f != nil && ctx.Err() == nil
		if more {
			c.gather(f)
		}
		if len(c.gathered) >= buffered || len(c.gathered) > 0 && !more {
			if err := c.sendGathered(); err != nil {
				return 0, err
			}
		}
		if !more {
			return wait, nil
		}
	}
}

// patience is how long changes wait that may.
const patience = 20 * time.Millisecond

// sendLater sees to it that what was queued is sent in a while, with what comes until then.
func (c *conversation) sendLater() {
	if !c.laterSet.Swap(true) {
		c.later.Reset(patience)
	}
}

// Bounds of what a goroutine that is not the writer sends itself.
const fewQueued, fewBytes = 256, 16 << 10

// sendSoon sees to it that what was queued is sent. A few changes it sends itself if it need not wait, since to wake
// the writer for them costs more than to send them; whoever calls it reads what a kernel does not keep for long.
func (c *conversation) sendSoon() {
	if !c.sendFew() {
		signal(c.wake)
	}
}

func (c *conversation) sendFew() (done bool) {
	if !c.writing.TryLock() {
		return false // the writer may have looked already
	}
	defer c.writing.Unlock()
	if !c.few() || c.connection.Room() < fewBytes {
		return false
	}
	f, _ := c.next(time.Now())
	if f == nil {
		return false
	}
	c.gather(f)
	if err := c.sendGathered(); err != nil {
		c.end(err)
	}
	return !c.anyQueued()
}

// few tells whether the next frame is small.
func (c *conversation) few() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.streams {
		if s.phase != phaseLive || s.queue.Len() > fewQueued || s.queue.Bytes() > fewBytes {
			return false
		}
	}
	return len(c.control) == 0 && len(c.barriers) == 0
}

func (c *conversation) anyQueued() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.streams {
		if s.queue.Len() > 0 {
			return true
		}
	}
	return len(c.control) > 0 || len(c.barriers) > 0
}

// gather appends a frame to what is sent next. The caller holds the writing lock.
func (c *conversation) gather(f wire.Frame) {
	start := len(c.gathered)
	c.gathered = wire.Append(c.gathered, f)
	c.appended(f, len(c.gathered)-start)
}

func (c *conversation) sendGathered() error {
	if _, err := c.connection.Write(c.gathered); err != nil {
		return fmt.Errorf("speaking to the peer: %w", err)
	}
	c.gathered = c.gathered[:0]
	return nil
}

// appended accounts for the bytes of a frame that carries state.
func (c *conversation) appended(f wire.Frame, bytes int) {
	var id state.Class
	switch f := f.(type) {
	case *wire.Records:
		id = f.Class
	case *wire.Delta:
		id = f.Class
	default:
		return
	}
	c.engine.throttle.spendBytes(time.Now(), bytes)
	c.engine.metrics[id].bytes.Add(float64(bytes))
}

// takeLeave says why the conversation ends, if the peer still listens.
func (c *conversation) takeLeave(ctx context.Context) error {
	if _, err := c.connection.Write(wire.Append(nil, &wire.Bye{Reason: whyEnded(ctx).Error()})); err != nil {
		return fmt.Errorf("taking leave: %w", err)
	}
	return nil
}
