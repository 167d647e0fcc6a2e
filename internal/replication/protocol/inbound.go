package protocol

import (
	"fmt"

	"github.com/hapair-io/hapair/internal/replication/wire"
)

// Verdict is what a unit does with a frame.
type Verdict uint8

// The verdicts.
const (
	// Take means that the unit acts on the frame.
	Take Verdict = iota + 1
	// Refuse means that the unit drops the frame without an answer: it does not, or no longer, take state from the sender.
	Refuse
)

// inbound is the progress of one class on the standby.
type inbound struct {
	generation uint64
	count      uint64
	phase      phase
}

// phase is what the standby expects next of a class.
type phase uint8

const (
	phaseNone     phase = iota // before the first Begin
	phaseSnapshot              // between Begin and SnapshotEnd
	phaseDelta                 // after SnapshotEnd
)

// begin starts a snapshot.
func (in *inbound) begin(generation uint64) {
	*in = inbound{generation: generation, phase: phaseSnapshot}
}

// take judges a frame that belongs to a phase. Before the first Begin it is refused: its snapshot began before this
// unit was standby, and another one follows.
func (in *inbound) take(p phase, generation uint64) (Verdict, error) {
	switch {
	case in.phase == phaseNone:
		return Refuse, nil
	case in.phase != p || in.generation != generation:
		return Refuse, fmt.Errorf("%w: state of generation %d in phase %d, expected generation %d and phase %d",
			ErrProtocol, generation, p, in.generation, in.phase)
	default:
		return Take, nil
	}
}

// records judges a part of a snapshot.
func (in *inbound) records(f *wire.Records) (Verdict, error) {
	in.count += uint64(len(f.Entries))
	return in.take(phaseSnapshot, f.Generation)
}

// end judges the end of a snapshot.
func (in *inbound) end(f *wire.SnapshotEnd) (Verdict, error) {
	verdict, err := in.take(phaseSnapshot, f.Generation)
	if verdict != Take || err != nil {
		return verdict, err
	}
	if in.count != f.Count {
		return Refuse, fmt.Errorf("%w: a snapshot of %d entries ended after %d", ErrProtocol, f.Count, in.count)
	}
	in.phase = phaseDelta
	return Take, nil
}
