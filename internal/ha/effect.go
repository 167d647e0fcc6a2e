package ha

import "time"

// Effect is something that the machine wants done. Effects start in the order in which they come. An effect with an ID
// is always answered, by EffectDone or LeaseAnswered with the same ID. An effect on the host (gate and addresses) ends
// before the next effect starts.
//
//sumtype:decl
type Effect interface{ effect() }

// ReadLease gets the Lease from the API server.
type ReadLease struct{ ID uint64 }

// WriteLease replaces the Lease by the record, if the Lease still has the record's version.
type WriteLease struct {
	ID     uint64
	Record Record
}

// Become sets the direction in which replication sends state. It is not answered.
type Become struct {
	Role Role
	Term uint64
}

// OpenGate lets traffic through until the deadline, whatever happens to the process. A second OpenGate moves the
// deadline. Past the deadline it opens nothing and fails.
type OpenGate struct {
	ID    uint64
	Until time.Duration
}

// CloseGate stops the forwarding.
type CloseGate struct{ ID uint64 }

// WithdrawAddresses removes the virtual addresses and ends their announcements.
type WithdrawAddresses struct{ ID uint64 }

// Flush waits until everything that changed before is in the peer's kernel.
type Flush struct{ ID uint64 }

// Relinquish sends the peer what changed since, and the word that this unit forwards no more in any term before this
// one. Sequence is described at PeerRelinquished.
type Relinquish struct {
	ID             uint64
	Term, Sequence uint64
}

// SendHeartbeat sends the peer a sign of life that requests a grant. It is not answered by its executor.
type SendHeartbeat struct {
	Term, Sequence uint64
	Grant          time.Duration
	Fenced         bool
	Health         Health
}

// AcknowledgeHeartbeat grants the peer the time that its heartbeat requested: until then this unit does not become
// active. It is not answered.
type AcknowledgeHeartbeat struct {
	Term, Sequence uint64
	Ready          bool
	Health         Health
}

// Exit ends the process. It is not answered.
type Exit struct{}

func (ReadLease) effect()            {}
func (WriteLease) effect()           {}
func (Become) effect()               {}
func (OpenGate) effect()             {}
func (CloseGate) effect()            {}
func (WithdrawAddresses) effect()    {}
func (Flush) effect()                {}
func (Relinquish) effect()           {}
func (SendHeartbeat) effect()        {}
func (AcknowledgeHeartbeat) effect() {}
func (Exit) effect()                 {}
