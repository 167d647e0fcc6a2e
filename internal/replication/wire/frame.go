package wire

import (
	"time"

	"github.com/hapair-io/hapair/internal/state"
)

// Kind is the kind of a frame. Its number goes over the wire and never changes its meaning.
type Kind uint8

// The kinds of frame.
const (
	KindHello         Kind = 1
	KindRole          Kind = 2
	KindBegin         Kind = 3
	KindRecords       Kind = 4
	KindSnapshotEnd   Kind = 5
	KindDelta         Kind = 6
	KindAck           Kind = 7
	KindResync        Kind = 8
	KindSync          Kind = 9
	KindBarrier       Kind = 10
	KindBarrierAck    Kind = 11
	KindRelinquish    Kind = 12
	KindRelinquishAck Kind = 13
	KindPing          Kind = 14
	KindBye           Kind = 15
	KindDigestRequest Kind = 16
	KindDigests       Kind = 17

	lastKind = KindDigests
)

// Frame is one message between the units.
type Frame interface {
	Kind() Kind
	append(b []byte) []byte
	decode(d *decoder)
}

// Role is what a unit does, as far as replication is concerned.
type Role uint8

// The roles.
const (
	// RoleNone neither sends nor takes state.
	RoleNone Role = 0
	// RoleActive sends state.
	RoleActive Role = 1
	// RoleStandby takes state.
	RoleStandby Role = 2
)

// String is the role's name.
func (r Role) String() string {
	switch r {
	case RoleNone:
		return "None"
	case RoleActive:
		return "Active"
	case RoleStandby:
		return "Standby"
	default:
		return "Unknown"
	}
}

// Hello is the first frame in each direction: who speaks, and what it can.
type Hello struct {
	// Version is the newest version of the protocol that the speaker knows, OldestVersion the oldest.
	Version, OldestVersion uint16
	// Pair, Namespace and Unit are whom the speaker is of; its certificate says the same.
	Pair, Namespace, Unit string
	// Incarnation is this life of the speaker's process.
	Incarnation string
	// Classes are what the speaker replicates; what both have is.
	Classes []state.Class
}

// RoleChange tells what the speaker does from now on. A pair of active and standby begins a snapshot of every class.
type RoleChange struct {
	Role Role
	Term uint64
}

// DigestRequest asks for the digests of what the standby has of a class, once everything before it is written. What comes
// after it may be in them or not.
type DigestRequest struct {
	Term       uint64
	Position   uint64
	Class      state.Class
	Generation uint64
	// Seed is what the digests are made with, see package audit.
	Seed uint64
	// Background says that nobody waits for the answer, so that traffic comes first.
	Background bool
}

// Digests answers a survey.
type Digests struct {
	Class      state.Class
	Generation uint64
	// Known is whether the standby could look at all. Nothing else is of meaning if it could not.
	Known bool
	// Entries is how many there are, Sums those of the buckets; none when there are no entries.
	Entries uint64
	Sums    []uint64
}

// Begin begins a snapshot of a class or of a part of it: all that there is at that time, and nothing of before counts
// any more.
type Begin struct {
	Term       uint64
	Position   uint64
	Class      state.Class
	Generation uint64
	// Scope is what the snapshot is of, as package audit writes it, with Seed; nothing, and 0, for all of the class.
	Scope []byte
	Seed  uint64
}

// Records is a part of the snapshot that was begun: entries as they are.
type Records struct {
	Term       uint64
	Position   uint64
	Class      state.Class
	Generation uint64
	Entries    []Entry
}

// Entry is one entry of a snapshot.
type Entry struct {
	Key    string
	Record []byte
}

// SnapshotEnd ends a snapshot: entries in its scope that were not mentioned do not exist.
type SnapshotEnd struct {
	Term       uint64
	Position   uint64
	Class      state.Class
	Generation uint64
	// Count is the number of entries that were mentioned, to be sure that none was lost on the way.
	Count uint64
}

// Delta is changes since the snapshot, in their order.
type Delta struct {
	Term     uint64
	Position uint64
	Class    state.Class
	Changes  []state.Change
}

// Ack says that everything up to the position is written where it belongs.
type Ack struct {
	Position uint64
	// Held is how long ago the last of it was written; in microseconds on the wire, no more than maxHeld.
	Held time.Duration
}

// Resync asks for a snapshot of a class that the standby could not keep equal.
type Resync struct{ Class state.Class }

// Sync tells the standby whether it has everything.
type Sync struct {
	Term   uint64
	InSync bool
}

// Barrier asks for an answer once everything before it is written.
type Barrier struct {
	Term uint64
	ID   uint64
}

// BarrierAck answers a barrier.
type BarrierAck struct{ ID uint64 }

// Relinquish says that the speaker forwards no more in a term before Term.
type Relinquish struct {
	Term uint64
	// Sequence is that of the newest heartbeat whose acknowledgement the speaker had when it decided to hand over; 0 when
	// there is none to tell of.
	Sequence uint64
}

// RelinquishAck says that the grant was received.
type RelinquishAck struct{ Term uint64 }

// Ping is a sign of life.
type Ping struct{}

// Bye is the last frame, and why it is.
type Bye struct{ Reason string }

// Kind is the number of the frame's kind.
func (*Hello) Kind() Kind { return KindHello }

// Kind is the number of the frame's kind.
func (*RoleChange) Kind() Kind { return KindRole }

// Kind is the number of the frame's kind.
func (*Begin) Kind() Kind { return KindBegin }

// Kind is the number of the frame's kind.
func (*Records) Kind() Kind { return KindRecords }

// Kind is the number of the frame's kind.
func (*SnapshotEnd) Kind() Kind { return KindSnapshotEnd }

// Kind is the number of the frame's kind.
func (*Delta) Kind() Kind { return KindDelta }

// Kind is the number of the frame's kind.
func (*Ack) Kind() Kind { return KindAck }

// Kind is the number of the frame's kind.
func (*Resync) Kind() Kind { return KindResync }

// Kind is the number of the frame's kind.
func (*Sync) Kind() Kind { return KindSync }

// Kind is the number of the frame's kind.
func (*Barrier) Kind() Kind { return KindBarrier }

// Kind is the number of the frame's kind.
func (*BarrierAck) Kind() Kind { return KindBarrierAck }

// Kind is the number of the frame's kind.
func (*Relinquish) Kind() Kind { return KindRelinquish }

// Kind is the number of the frame's kind.
func (*RelinquishAck) Kind() Kind { return KindRelinquishAck }

// Kind is the number of the frame's kind.
func (*Ping) Kind() Kind { return KindPing }

// Kind is the number of the frame's kind.
func (*Bye) Kind() Kind { return KindBye }

// Kind is the number of the frame's kind.
func (*DigestRequest) Kind() Kind { return KindDigestRequest }

// Kind is the number of the frame's kind.
func (*Digests) Kind() Kind { return KindDigests }

// newFrame makes an empty frame of a kind; nil for a kind that there is not.
func newFrame(kind Kind) Frame {
	switch kind {
	case KindHello:
		return &Hello{}
	case KindRole:
		return &RoleChange{}
	case KindBegin:
		return &Begin{}
	case KindRecords:
		return &Records{}
	case KindSnapshotEnd:
		return &SnapshotEnd{}
	case KindDelta:
		return &Delta{}
	case KindAck:
		return &Ack{}
	case KindResync:
		return &Resync{}
	case KindSync:
		return &Sync{}
	case KindBarrier:
		return &Barrier{}
	case KindBarrierAck:
		return &BarrierAck{}
	case KindRelinquish:
		return &Relinquish{}
	case KindRelinquishAck:
		return &RelinquishAck{}
	case KindPing:
		return &Ping{}
	case KindBye:
		return &Bye{}
	case KindDigestRequest:
		return &DigestRequest{}
	case KindDigests:
		return &Digests{}
	default:
		return nil
	}
}
