package ha

import "time"

// Event is a fact and when it was taken in.
type Event struct {
	// At is an instant of the unit's own boot clock, read when the fact reaches the machine and not when it arose: late
	// is safe for every wait, early is not.
	At   time.Duration
	Fact Fact
}

// Fact is something that happened.
//
//sumtype:decl
type Fact interface{ fact() }

// Tick says only that time has passed.
type Tick struct{}

// LeaseSeen is a record from the watch. It may be older than what is known already.
type LeaseSeen struct{ Record Record }

// LeaseAnswered is the answer to ReadLease or WriteLease.
type LeaseAnswered struct {
	ID      uint64
	Outcome Outcome
	// Record is what the Lease now says, after Read and Written.
	Record Record
}

// FirewallReported says whether the firewall has a ruleset in force.
type FirewallReported struct{ InForce bool }

// PeerConnected says that the replication session to the peer stands.
type PeerConnected struct{ Incarnation Incarnation }

// PeerDisconnected says that it broke.
type PeerDisconnected struct{}

// SyncChanged says whether the standby of the two holds the state of the active.
type SyncChanged struct{ InSync bool }

// HeartbeatReceived is a sign of life of the peer, which is active in a term. It asks for a promise.
type HeartbeatReceived struct {
	From           Incarnation
	Term, Sequence uint64
	// Grant is how long the promise is to last that an acknowledgement of this heartbeat makes. It rides in the
	// heartbeat, so that two units with different settings, as during a rolling change, cannot disagree about it.
	Grant time.Duration
	// Fenced says that the sender forwards nothing before it has a promise: it is no sign of an active that works.
	Fenced bool
	Health Health
}

// HeartbeatAcknowledged is the peer's promise not to become active for the heartbeat's grant from when it sent this.
type HeartbeatAcknowledged struct {
	From           Incarnation
	Term, Sequence uint64
	// Ready says that the peer could take over.
	Ready  bool
	Health Health
}

// HealthChanged is what the unit's own monitors say now.
type HealthChanged struct{ Health Health }

// PeerRelinquished is the peer's word that it forwards no more in any term before this one.
type PeerRelinquished struct {
	Term uint64
	// Sequence is that of the newest heartbeat whose acknowledgement the peer had when it asked the API server for the
	// handover; 0 when it had none. What this unit did before it sent that acknowledgement was before the handover.
	Sequence uint64
}

// EffectDone is the end of an effect that has an ID, good when Err is nil.
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
	// Unknown is no answer that settles it: a time-out, a broken connection, an error of the server. A write may have
	// happened, or may happen yet.
	Unknown Outcome = iota
	// Read has the record as it stands.
	Read
	// Written has the record as this write made it.
	Written
	// Conflict did not write: the Lease has another version than the write named.
	Conflict
	// Absent found no Lease.
	Absent
)

// String is the outcome's name in logs.
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
