package wire

import (
	"encoding/binary"

	"github.com/hapair-io/hapair/internal/state"
)

// Resync requests a snapshot of a class that the standby could not write.
type Resync struct{ Class state.Class }

// Kind implements Frame.
func (*Resync) Kind() Kind { return KindResync }

// append implements Frame.
func (f *Resync) append(b []byte) []byte { return append(b, byte(f.Class)) }

// decode implements Frame.
func (f *Resync) decode(d *decoder) { f.Class = state.Class(d.uint8()) }

// Barrier requests an answer once everything before it is written.
type Barrier struct {
	Term uint64
	ID   uint64
}

// Kind implements Frame.
func (*Barrier) Kind() Kind { return KindBarrier }

// append implements Frame.
func (f *Barrier) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, f.Term), f.ID)
}

// decode implements Frame.
func (f *Barrier) decode(d *decoder) { f.Term, f.ID = d.uint64(), d.uint64() }

// BarrierAck answers a Barrier.
type BarrierAck struct{ ID uint64 }

// Kind implements Frame.
func (*BarrierAck) Kind() Kind { return KindBarrierAck }

// append implements Frame.
func (f *BarrierAck) append(b []byte) []byte { return binary.BigEndian.AppendUint64(b, f.ID) }

// decode implements Frame.
func (f *BarrierAck) decode(d *decoder) { f.ID = d.uint64() }

// Ping shows that the sender is alive.
type Ping struct{}

// Kind implements Frame.
func (*Ping) Kind() Kind { return KindPing }

// append implements Frame.
func (*Ping) append(b []byte) []byte { return b }

// decode implements Frame.
func (*Ping) decode(*decoder) {}

// Bye is the last frame of a session.
type Bye struct{ Reason string }

// Kind implements Frame.
func (*Bye) Kind() Kind { return KindBye }

// append implements Frame.
func (f *Bye) append(b []byte) []byte {
	return appendBytes(b, f.Reason[:min(len(f.Reason), maxReason)])
}

// decode implements Frame.
func (f *Bye) decode(d *decoder) { f.Reason = d.string(maxReason) }
