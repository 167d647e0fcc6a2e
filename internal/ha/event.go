package ha

import "time"

// Event is a fact and the instant at which the machine takes it in.
type Event struct {
	// At is an instant of the unit's own boot clock. It is read when the fact reaches the machine and not when it arose:
	// for every wait a late instant is safe and an early one is not.
	At   time.Duration
	Fact Fact
}

// Fact is something that happened.
//
//sumtype:decl
type Fact interface{ fact() }

// Tick reports only that time has passed.
type Tick struct{}

// LeaseSeen is a record from the watch. It may be older than what is known already.
type LeaseSeen struct{ Record Record }

// LeaseAnswered is the answer to ReadLease or WriteLease.
type LeaseAnswered struct {
	ID      uint64
	Outcome Outcome
	// Record is the content of the Lease, after Read and Written.
	Record Record
}

// FirewallReported reports whether the firewall has a ruleset in force.
type FirewallReported struct{ InForce bool }

// PeerConnected reports that the replication session with the peer is established.
type PeerConnected struct{ Incarnation Incarnation }

// PeerDisconnected reports that the replication session broke.
type PeerDisconnected struct{}

// SyncChanged reports whether the standby, which is one of the two units, holds the state of the active.
type SyncChanged struct{ InSync bool }

// HeartbeatReceived is a sign of life of the peer, which is active in a term. It requests a grant.
type HeartbeatReceived struct {
	From           Incarnation
	Term, Sequence uint64
	// Grant is how long a grant is requested. It travels in the heartbeat, so that two units with different settings
	// cannot disagree about it during a rolling change.
	Grant time.Duration
	// Fenced means that the sender forwards nothing until it gets a grant. Such a heartbeat does not show a working
	// active.
	Fenced bool
	Health Health
}

// HeartbeatAcknowledged is the peer's grant: it does not become active for the time that the heartbeat requested,
// counted from when the peer sent this.
type HeartbeatAcknowledged struct {
	From           Incarnation
	Term, Sequence uint64
	// Ready means that the peer could take over.
	Ready  bool
	Health Health
}

// HealthChanged carries the health that the unit's own monitors report now.
type HealthChanged struct{ Health Health }

// PeerRelinquished is the peer's word that it forwards no more in any term before this one.
type PeerRelinquished struct {
	Term uint64
	// Sequence is that of the newest heartbeat whose acknowledgement the peer had when it sent the handover to the API
	// server; 0 without one. This unit sent that acknowledgement before the handover.
	Sequence uint64
}

// EffectDone is the end of an effect that has an ID. Err is nil when it succeeded.
type EffectDone struct {
	ID  uint64
	Err error
}

// StopRequested asks the unit to leave: to hand over or release what it holds, and to exit by the deadline.
type StopRequested struct{ Deadline time.Duration }

func (Tick) fact()                  {}
func (LeaseSeen) fact()             {}
func (LeaseAnswered) fact()         {}
func (FirewallReported) fact()      {}
func (PeerConnected) fact()         {}
func (PeerDisconnected) fact()      {}
func (SyncChanged) fact()           {}
func (HeartbeatReceived) fact()     {}
func (HeartbeatAcknowledged) fact() {}
func (HealthChanged) fact()         {}
func (PeerRelinquished) fact()      {}
func (EffectDone) fact()            {}
func (StopRequested) fact()         {}

// Outcome is how a request about the Lease ended.
type Outcome uint8

const (
	// Unknown is no conclusive answer: a timeout, a broken connection, or an error of the server. A write may have
	// happened, or may still happen.
	Unknown Outcome = iota
	// Read has the record as it is.
	Read
	// Written has the record as this write made it.
	Written
	// Conflict did not write: the Lease has another version than the write named.
	Conflict
	// Absent found no Lease.
	Absent
)

// String returns the outcome's name in logs.
func (o Outcome) String() string {
	switch o {
	case Read:
		return "Read"
	case Written:
		return "Written"
	case Conflict:
		return "Conflict"
	case Absent:
		return "Absent"
	case Unknown:
		return "Unknown"
	default:
		return "Unknown"
	}
}
