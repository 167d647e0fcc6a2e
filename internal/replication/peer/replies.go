package peer

import (
	"fmt"
	"sync"

	"github.com/hapair-io/hapair/internal/replication/protocol"
	"github.com/hapair-io/hapair/internal/replication/wire"
)

// maxReplies bounds the frames that wait in a queue of replies. Only requests of the peer make it grow.
const maxReplies = 1024

var errTooManyRequests = fmt.Errorf("%w: more requests than can be answered", protocol.ErrProtocol)

// replies holds the frames that carry no state and wait to be sent. They are sent before state. Its methods are safe
// for concurrent use.
type replies struct {
	mu     sync.Mutex
	frames []wire.Frame
	// ack is the newest acknowledgement. It waits if isAckDue is set.
	ack      wire.Ack
	isAckDue bool
}

// add appends a frame. It fails if the peer has asked for more than can be answered.
func (r *replies) add(f wire.Frame) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.frames) >= maxReplies {
		return errTooManyRequests
	}
	r.frames = append(r.frames, f)
	return nil
}

// acknowledge queues an acknowledgement behind the frames that wait, if there are any or if force is set. Otherwise it
// queues nothing and reports false. Each acknowledgement replaces the one before it.
func (r *replies) acknowledge(position uint64, force bool) (queued bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ack = wire.Ack{Position: position}
	r.isAckDue = force || len(r.frames) > 0
	return r.isAckDue
}

// next removes and returns the next frame; nil without one. An acknowledgement comes last: one that follows a
// request for a snapshot must not look like success.
func (r *replies) next() wire.Frame {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.frames) > 0:
		f := r.frames[0]
		r.frames = r.frames[1:]
		return f
	case r.isAckDue:
		r.isAckDue = false
		ack := r.ack
		return &ack
	default:
		return nil
	}
}

// isEmpty reports whether no frame waits, acknowledgements apart.
func (r *replies) isEmpty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.frames) == 0
}
