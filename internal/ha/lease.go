package ha

import (
	"strings"
	"time"
)

// drift bounds how much faster one unit's clock may run than the other's, in percent. Every wait for the end of
// another's permit is that much longer than the permit.
const drift = 1

// Incarnation is one life of one unit: `<unit>/<pod UID>/<random id of the process>`.
type Incarnation string

// Nobody holds a Lease that is free.
const Nobody Incarnation = ""

// Unit returns the name of the unit.
func (i Incarnation) Unit() string {
	unit, _, _ := strings.Cut(string(i), "/")
	return unit
}

// Record is the content of the Lease.
type Record struct {
	// Version changes with every write of the Lease and is only compared for equality. A write names the version that it
	// replaces, and fails when the Lease has another.
	Version string
	// Holder is the unit that is active, or is about to become it.
	Holder Incarnation
	// Giver is the holder that gave its right up by this very write: it handed the Lease over or released it. It
	// distinguishes a release from a Lease that was emptied by hand, and a handover from an earlier write of the unit's
	// own whose answer was lost. The next write clears it.
	Giver Incarnation
	// Standby may take the Lease when the holder is silent. A record with a standby is called paired, and its holder
	// forwards by the standby's grants alone. A record without one is called solo, and its holder forwards by its writes
	// of the Lease. A handover names the new holder here too if the giver forwarded by its grants.
	Standby Incarnation
	// Cause is why the holder became it.
	Cause Cause
	// Paused keeps units from handing over for health or preference. The operator sets it; a unit's write keeps it.
	Paused bool
	// SwitchoverTo names the unit that somebody wants to be active, paused or not. The operator sets it and removes it
	// when that unit holds the Lease; a unit's write keeps it.
	SwitchoverTo string
	// Term grows by one with every change of the holder.
	Term uint64
	// TermInvalid is set when the Lease has a term that no unit can have written. Term is then the newest that this unit
	// knows. The next write repairs the Lease.
	TermInvalid bool
	// Duration is how long the permit lasts that its writer earns by it. It travels in the record, so that units with
	// different settings cannot disagree about it during a rolling change.
	Duration time.Duration
}

// precedes reports whether the record is older than the other. A term has one holder, who may release it; then the next
// term follows. Renewals of one term cannot be distinguished: mistaking an old one for new only lengthens a wait.
func (r Record) precedes(other Record) bool {
	if r.Term != other.Term {
		return r.Term < other.Term
	}
	return r.Holder != Nobody && other.Holder == Nobody
}

// outlast returns how long a successor waits until a permit of the duration is over by any clock.
func outlast(duration time.Duration) time.Duration {
	return duration + duration*drift/100
}

// leaseView is what a unit knows of the Lease.
type leaseView struct {
	// known is false until the Lease was seen, and after it was found gone.
	known  bool
	record Record
	// seenAt is when this very record was first seen.
	seenAt time.Duration
	// namedAt is when this unit was first seen as the standby of the present term.
	namedAt time.Duration
	// longest is the longest duration of a permit that was ever seen.
	longest time.Duration
	// highest is the highest term that was ever seen. A Lease that was created again starts below it.
	highest uint64
}

// see stores a record that was seen at the instant.
func (v *leaseView) see(r Record, at time.Duration) {
	if v.known && v.record == r {
		return
	}
	v.known, v.record, v.seenAt = true, r, at
	v.highest, v.longest = max(v.highest, r.Term), max(v.longest, r.Duration)
}

// tenure is the unit's own time as the holder in one term.
type tenure struct {
	term uint64
	// at is when it began.
	at time.Duration
	// fencedAt is when the former holder's permit of the witness is over, even if it never relinquishes its role.
	fencedAt time.Duration
	// claim is how this unit got the Lease.
	claim claim
}
