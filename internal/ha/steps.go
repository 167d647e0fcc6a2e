package ha

import "fmt"

// Step is one step of a promotion. This package alone knows which steps there are: others print their names.
type Step uint8

// The steps, in their order.
const (
	// Detected: the former active was missed. It takes no time in a planned change of the active.
	Detected Step = iota
	// Claimed: the Lease names this unit.
	Claimed
	// FenceConfirmed: the former holder cannot forward any more.
	FenceConfirmed
	// StateCommitted: the replicated state is in force in this unit's kernel.
	StateCommitted
	// GateOpen: this unit forwards.
	GateOpen
	// AddressesAttached: the virtual addresses are on their interfaces.
	AddressesAttached
	// Announced: the neighbours know the new location of the virtual addresses.
	Announced
	// Verified: gate and addresses were checked and are as they should be.
	Verified
)

// stepNames are the names of the steps in logs, events and status.
var stepNames = [...]string{
	"Detected", "Claimed", "FenceConfirmed", "StateCommitted", "GateOpen", "AddressesAttached", "Announced", "Verified",
}

// String returns the step's name.
func (s Step) String() string {
	if int(s) < len(stepNames) {
		return stepNames[s]
	}
	return fmt.Sprintf("Step(%d)", uint8(s))
}

// isDispensable reports whether a promotion continues without the step after its last try failed. A firewall without
// the replicated connections is better than none.
func (s Step) isDispensable() bool { return s == StateCommitted }

// tryStep starts the effect of the step, unless it is under way or waits for its next try. The answer completes the
// step.
func (t *transition) tryStep() {
	attempt := &t.promotion.attempt
	t.wakeAt(attempt.retryAt)
	if !attempt.isReady(t.at) {
		return
	}
	switch t.promotion.step {
	case Detected, Claimed, FenceConfirmed:
	case StateCommitted:
		t.emit(CommitState{ID: t.begin(attempt)})
	case GateOpen:
		if !t.Permit().isValid(t.at) {
			return // A renewal or an acknowledgement is under way, and leads here again.
		}
		t.become(Active)
		t.openGate(attempt)
	case AddressesAttached:
		t.host.addressed = true
		t.emit(AttachAddresses{ID: t.begin(attempt)})
	case Announced:
		t.emit(Announce{ID: t.begin(attempt)})
	case Verified:
		t.emit(Verify{ID: t.begin(attempt)})
	}
}

// CommitState puts all state that was received from the former active in force in this unit's kernel.
type CommitState struct{ ID uint64 }

// AttachAddresses adds the virtual addresses to their interfaces.
type AttachAddresses struct{ ID uint64 }

// Announce sends the neighbours the new location of the virtual addresses, now and repeatedly for a while.
type Announce struct{ ID uint64 }

// Verify checks that the host is as the steps of the promotion should have left it.
type Verify struct{ ID uint64 }

func (CommitState) effect()     {}
func (AttachAddresses) effect() {}
func (Announce) effect()        {}
func (Verify) effect()          {}
