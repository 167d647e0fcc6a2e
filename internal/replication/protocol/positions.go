package protocol

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// ErrProtocol is the error of a frame that may not be sent at that point.
var ErrProtocol = errors.New("replication protocol violated")

// Positions numbers the frames of state that this unit sends in one session, from 1. One goroutine calls Next; the
// other methods are safe for concurrent use.
type Positions struct{ sent, acknowledged atomic.Uint64 }

// Next takes the position of the next frame.
func (p *Positions) Next() uint64 { return p.sent.Add(1) }

// Sent returns the position of the last frame that was sent.
func (p *Positions) Sent() uint64 { return p.sent.Load() }

// Acknowledged returns the position up to which the peer has written everything.
func (p *Positions) Acknowledged() uint64 { return p.acknowledged.Load() }

// acknowledge records that the peer has written everything up to a position. It fails if no such frame was sent.
func (p *Positions) acknowledge(position uint64) error {
	if sent := p.Sent(); position > sent {
		return fmt.Errorf("%w: position %d is acknowledged, but only %d were sent", ErrProtocol, position, sent)
	}
	p.acknowledged.Store(max(p.acknowledged.Load(), position))
	return nil
}
