package engine

import (
	"context"
	"net/netip"
	"sync"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

// Event is what the engine tells the sidecar.
type Event interface{ subject() subject }

// PeerConnected says that there is a conversation with this incarnation of the peer.
type PeerConnected struct {
	Incarnation string
	// Address is where the peer is.
	Address netip.Addr
	// Keys are what heartbeats between the two are sealed with. The peer is told of them too, sooner or later.
	Keys seal.Keys
}

// PeerDisconnected says that the conversation ended, and why.
type PeerDisconnected struct{ Err error }

// SyncChanged says whether the standby has everything. Both units say the same while they converse.
type SyncChanged struct{ InSync bool }

// PeerRelinquished says that the peer forwards no more in a term before Term.
type PeerRelinquished struct {
	Term uint64
	// Sequence is what the peer's Relinquish was called with; 0 if the peer's program is too old to pass it on.
	Sequence uint64
}

// SinkFull says that a class of what the active sent had no room on this unit, by its name; empty when all have again.
// The session goes on, and what had no room is asked for again now and then.
type SinkFull struct{ Class string }

// subject is what an event is about. Of two events of one subject only the later matters.
type subject uint8

const (
	subjectPeer subject = iota + 1
	subjectSync
	subjectRelinquish
	subjectSink
)

func (PeerConnected) subject() subject      { return subjectPeer }
func (PeerDisconnected) subject() subject   { return subjectPeer }
func (SyncChanged) subject() subject        { return subjectSync }
func (PeerRelinquished) subject() subject { return subjectRelinquish }
func (SinkFull) subject() subject           { return subjectSink }

// outbox hands events to a reader that may be slow. It is bounded by the number of subjects, since an event replaces
// the one of its subject that still waits: a reader that slept sees how things are, not how they came to be.
type outbox struct {
	events chan Event
	wake   chan struct{}

	mu      sync.Mutex
	waiting []Event
}

func newOutbox() *outbox {
	return &outbox{events: make(chan Event), wake: make(chan struct{}, 1)}
}

func (o *outbox) put(e Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, waiting := range o.waiting {
		if waiting.subject() == e.subject() {
			o.waiting = append(o.waiting[:i], o.waiting[i+1:]...)
			break
		}
	}
	o.waiting = append(o.waiting, e)
	signal(o.wake)
}

func (o *outbox) take() (Event, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		return nil, false
	}
	e := o.waiting[0]
	o.waiting = o.waiting[1:]
	return e, true
}

func (o *outbox) run(ctx context.Context) {
	for {
		e, ok := o.take()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-o.wake:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case o.events <- e:
		}
	}
}

// signal wakes whoever waits on a channel of capacity one; one signal is as good as many.
func signal(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}
