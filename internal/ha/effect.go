package ha

import "time"

// Effect is something that the machine wants done. Effects are begun in the order in which they come. Those with an ID
// are answered, always, by EffectDone or LeaseAnswered with the same ID; those on the host (gate and addresses) are
// finished before the next effect is begun.
//
//sumtype:decl
type Effect interface{ effect() }

// ReadLease gets the Lease from the API server.
type ReadLease struct{ ID uint64 }

// WriteLease replaces the version of the Lease that the record names by what the record says.
type WriteLease struct {
	ID     uint64
	Record Record
}

// CommitState makes all that was received of the former active's state count in this unit's kernel.
type CommitState struct{ ID uint64 }

// Become tells replication which way the state flows from now on. It is not answered.
type Become struct {
	Role Role
	Term uint64
}

// OpenGate lets traffic through until the deadline, and no longer whatever becomes of the process. Given again it moves
// the deadline. Past the deadline it opens nothing and fails.
type OpenGate struct {
	ID    uint64
	Until time.Duration
}

// CloseGate stops the forwarding.
type CloseGate struct{ ID uint64 }

// AttachAddresses puts the virtual addresses on their interfaces.
type AttachAddresses struct{ ID uint64 }

// WithdrawAddresses takes them off, and ends their announcements.
type WithdrawAddresses struct{ ID uint64 }

// Announce tells the neighbours where the virtual addresses are now, at once and repeatedly for a while.
type Announce struct{ ID uint64 }

// Verify looks whether the host is as the steps of the promotion should have made it.
type Verify struct{ ID uint64 }

// Flush waits until everything that changed before is in the peer's kernel.
type Flush struct{ ID uint64 }

// Relinquish sends the peer what changed since, and this unit's word that it forwards no more in any term before this one.
// Sequence is described at PeerRelinquished.
type Relinquish struct {
	ID             uint64
	Term, Sequence uint64
}

// SendHeartbeat sends the peer a sign of life. It is not answered by the one who executes it.
type SendHeartbeat struct {
	Term, Sequence uint64
	Grant          time.Duration
	Fenced         bool
	Health         Health
}

// AcknowledgeHeartbeat promises the peer not to become active for as long as its heartbeat asked. It is not answered.
type AcknowledgeHeartbeat struct {
	Term, Sequence uint64
	Ready          bool
	Health         Health
}

// Exit ends the process. It is not answered.
type Exit struct{}

func (ReadLease) effect()            {}
func (WriteLease) effect()           {}
func (CommitState) effect()          {}
func (Become) effect()               {}
func (OpenGate) effect()             {}
func (CloseGate) effect()            {}
func (AttachAddresses) effect()      {}
func (WithdrawAddresses) effect()    {}
func (Announce) effect()             {}
func (Verify) effect()               {}
func (Flush) effect()                {}
func (Relinquish) effect()           {}
func (SendHeartbeat) effect()        {}
func (AcknowledgeHeartbeat) effect() {}
func (Exit) effect()                 {}
