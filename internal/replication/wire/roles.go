package wire

import (
	"encoding/binary"
)

// Role is the role of a unit in replication.
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

// String returns the role's name.
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

// RoleChange announces the role of the sender. A pair of active and standby begins with a snapshot of every class.
type RoleChange struct {
	Role Role
	Term uint64
}

// Kind implements Frame.
func (*RoleChange) Kind() Kind { return KindRole }

// append implements Frame.
func (f *RoleChange) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(append(b, byte(f.Role)), f.Term)
}

// decode implements Frame.
func (f *RoleChange) decode(d *decoder) {
	f.Role, f.Term = Role(d.uint8()), d.uint64()
	if f.Role > RoleStandby {
		d.fail("unknown role %d", f.Role)
	}
}

// Sync informs the standby whether it has everything.
type Sync struct {
	Term   uint64
	InSync bool
}

// Kind implements Frame.
func (*Sync) Kind() Kind { return KindSync }

// append implements Frame.
func (f *Sync) append(b []byte) []byte {
	return appendBool(binary.BigEndian.AppendUint64(b, f.Term), f.InSync)
}

// decode implements Frame.
func (f *Sync) decode(d *decoder) {
	f.Term, f.InSync = d.uint64(), d.bool()
}

// Relinquish gives up the role of the sender: it forwards no more in a term before Term.
type Relinquish struct {
	Term uint64
	// Sequence is that of the newest heartbeat that the peer had acknowledged when the sender decided to give up its role;
	// 0 without one.
	Sequence uint64
}

// Kind implements Frame.
func (*Relinquish) Kind() Kind { return KindRelinquish }

// append omits a sequence of 0.
func (f *Relinquish) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, f.Term)
	if f.Sequence == 0 {
		return b
	}
	return binary.BigEndian.AppendUint64(b, f.Sequence)
}

// decode implements Frame.
func (f *Relinquish) decode(d *decoder) {
	f.Term = d.uint64()
	if d.left() == 0 {
		return
	}
	if f.Sequence = d.uint64(); f.Sequence == 0 {
		d.fail("a sequence of 0 must be omitted")
	}
}

// RelinquishAck acknowledges a Relinquish.
type RelinquishAck struct{ Term uint64 }

// Kind implements Frame.
func (*RelinquishAck) Kind() Kind { return KindRelinquishAck }

// append implements Frame.
func (f *RelinquishAck) append(b []byte) []byte { return binary.BigEndian.AppendUint64(b, f.Term) }

// decode implements Frame.
func (f *RelinquishAck) decode(d *decoder) { f.Term = d.uint64() }
