package peer

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/internal/replication/wire"
)

const (
	// PingInterval is how often a unit sends a ping.
	PingInterval = time.Second
	// DeferDelay is how long SendLater lets changes wait for others.
	DeferDelay = 20 * time.Millisecond
	// shortChanges and shortBytes bound what a goroutine other than the writer sends itself.
	shortChanges, shortBytes = 256, 16 << 10
)

// Source supplies the frames of state. AppendNext and IsShort are never called concurrently.
type Source interface {
	// AppendNext appends the next frame to b. If there is no frame to send now, it returns b as it is, and how long a
	// throttle delays the next one: 0 if none does.
	AppendNext(b []byte, now time.Time) (appended []byte, delay time.Duration)
	// IsShort reports whether the next frame has at most that many changes and bytes.
	IsShort(changes, bytes int) bool
	// IsEmpty reports whether nothing waits to be sent.
	IsEmpty() bool
}

// writer sends frames to the peer: replies first, then state.
type writer struct {
	connection *transport.Connection
	replies    replies
	source     atomic.Pointer[Source] // nil if this unit sends no state

	wake       chan struct{} // signalled when there may be something to send
	later      *time.Timer   // fires when deferred changes have waited long enough
	isLaterSet atomic.Bool

	mu     sync.Mutex // held while frames are built and written
	buffer []byte     // frames that go into one call of Write
}

// newWriter returns the writer of a connection.
func newWriter(connection *transport.Connection) *writer {
	later := time.NewTimer(0)
	later.Stop()
	return &writer{connection: connection, wake: make(chan struct{}, 1), later: later}
}

// signal makes the writer look for frames. One signal is as good as many.
func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run sends what there is to send until ctx ends.
func (w *writer) run(ctx context.Context) error {
	ping := time.NewTicker(PingInterval)
	defer ping.Stop()
	throttled := time.NewTimer(0)
	defer throttled.Stop()
	for {
		delay, err := w.sendAll(ctx)
		if err != nil {
			return err
		}
		if delay > 0 {
			throttled.Reset(delay)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.wake:
		case <-throttled.C:
		case <-w.later.C:
			w.isLaterSet.Store(false)
		case <-ping.C:
			if err := w.replies.add(&wire.Ping{}); err != nil {
				return err
			}
		}
	}
}

// sendAll sends until nothing more may be sent now. It returns how long a throttle delays the rest.
func (w *writer) sendAll(ctx context.Context) (delay time.Duration, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		before := len(w.buffer)
		if ctx.Err() == nil {
			delay = w.appendNext(time.Now())
		}
		more := len(w.buffer) > before
		if len(w.buffer) >= bufferSize || len(w.buffer) > 0 && !more {
			if err := w.flush(); err != nil {
				return 0, err
			}
		}
		if !more {
			return delay, nil
		}
	}
}

// appendNext appends the next frame to the buffer. The source is loaded first: a frame of a new source then never
// precedes the reply that announces this unit's new role.
func (w *writer) appendNext(now time.Time) (delay time.Duration) {
	source := w.source.Load()
	if f := w.replies.next(); f != nil {
		w.buffer = wire.Append(w.buffer, f)
		return 0
	}
	if source != nil {
		w.buffer, delay = (*source).AppendNext(w.buffer, now)
	}
	return delay
}

// flush writes the buffer.
func (w *writer) flush() error {
	_, err := w.connection.Write(w.buffer)
	w.buffer = w.buffer[:0]
	if err != nil {
		return fmt.Errorf("writing to the peer: %w", err)
	}
	return nil
}

// sendShort sends the next frame from the caller's goroutine, if it is short and the connection takes it at once. It
// reports whether nothing is left to send.
func (w *writer) sendShort() (done bool, err error) {
	if !w.mu.TryLock() {
		return false, nil // the writer may have looked already
	}
	defer w.mu.Unlock()
	source := w.source.Load()
	if source == nil || !w.replies.isEmpty() || !(*source).IsShort(shortChanges, shortBytes) ||
		w.connection.FreeBytes() < shortBytes {
		return false, nil
	}
	if w.appendNext(time.Now()); len(w.buffer) == 0 {
		return false, nil
	}
	if err := w.flush(); err != nil {
		return false, err
	}
	return (*source).IsEmpty() && w.replies.isEmpty(), nil
}
