package engine

import (
	"net/netip"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

// Event is something that the engine reports to the sidecar.
//
//sumtype:decl
type Event interface{ subject() subject }

// PeerConnected reports that a session with this incarnation of the peer has begun.
type PeerConnected struct {
	Incarnation string
	// Address is that of the peer.
	Address netip.Addr
	// Keys seal the heartbeats between the two units. The peer gets the same keys, but maybe not at the same time.
	Keys seal.Keys
}

// PeerDisconnected reports that the session has ended, and why.
type PeerDisconnected struct{ Err error }

// SyncChanged reports whether the standby has everything. Both units report the same while they are connected.
type SyncChanged struct{ InSync bool }

// PeerRelinquished reports that the peer gave up its role: it forwards no more in a term before Term.
type PeerRelinquished struct {
	Term uint64
	// Sequence is the argument of the peer's Relinquish; 0 if the peer's version does not send it.
	Sequence uint64
}

// SinkFull reports that this unit has no room for entries of a class, by its name. The name is empty once all classes
// have room again. The session continues, and the missing entries are requested in regular intervals.
type SinkFull struct{ Class string }

// subject is what an event is about. Of two events with one subject only the later matters.
type subject uint8

const (
	subjectPeer subject = iota + 1
	subjectSync
	subjectRelinquish
	subjectSink
)

func (PeerConnected) subject() subject    { return subjectPeer }
func (PeerDisconnected) subject() subject { return subjectPeer }
func (SyncChanged) subject() subject      { return subjectSync }
func (PeerRelinquished) subject() subject { return subjectRelinquish }
func (SinkFull) subject() subject         { return subjectSink }
