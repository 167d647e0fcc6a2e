package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hapair-io/hapair/internal/replication/transport"
)

// SilenceTimeout is how long the peer may send nothing before the session ends.
const SilenceTimeout = 3 * time.Second

// deadlineInterval is how often the reader renews its deadline. Each renewal is work for the runtime's timers.
const deadlineInterval = SilenceTimeout / 10

// Handler acts on a frame from the peer. If it keeps the frame, it calls Release later. An error ends the session.
type Handler func(ctx context.Context, r Received) (kept bool, err error)

// reader reads the peer's frames.
type reader struct {
	connection *transport.Connection
	buffer     *bufio.Reader
}

// run passes each frame to handle until the connection fails or ctx ends.
func (r *reader) run(ctx context.Context, handle Handler) error {
	memory := newMemory()
	var renewed time.Time
	for {
		if now := time.Now(); now.Sub(renewed) > deadlineInterval {
			renewed = now
			if err := r.connection.SetReadDeadline(now.Add(SilenceTimeout)); err != nil {
				return fmt.Errorf("reading from the peer: %w", err)
			}
		}
		if ctx.Err() != nil { // or the deadline just set would outlive the end of the session
			return ctx.Err()
		}
		f, err := readFrame(r.buffer, memory)
		if err != nil {
			return explainReadError(err)
		}
		kept, err := handle(ctx, Received{Frame: f, memory: memory})
		if err != nil {
			return err
		}
		if kept {
			memory = newMemory()
		}
	}
}

// explainReadError returns err with what it means for the session.
func explainReadError(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("the peer was silent for %s", SilenceTimeout)
	}
	return fmt.Errorf("reading from the peer: %w", err)
}
