package ha

import "time"

// drift bounds how much faster one unit's clock may run than the other's, in parts of a hundred. Every wait for
// another's permit to end is that much longer than the permit.
const drift = 1

// Incarnation is one life of one unit: `<unit>/<pod UID>/<random id of the process>`.
type Incarnation string

// Nobody holds a lease that is free.
const Nobody Incarnation = ""

// Record is what the Lease says.
type Record struct {
	// Version changes with every write of the Lease. It is compared for equality alone; a write names the version that
	// it replaces and fails when the Lease has another.
	Version string
	// Holder is the unit that is, or is about to become, active.
	Holder Incarnation
	// Giver is the holder that gave its right up by this very write, having handed the Lease over or released it. It
	// tells a release from a Lease that was emptied by hand, and a handover from a write of the unit's own whose answer
	// was lost. The next write clears it.
	Giver Incarnation
	// Standby may take the Lease on direct evidence, the silence of the holder. The record is called paired where there
	// is one, and then the holder forwards by its promises alone; solo where there is none, and then the holder forwards
	// by its writes of the Lease. A record that hands the Lease over names the new holder here too if the giver forwarded
	// by its promises.
	Standby Incarnation
	// Cause is why the holder became it.
	Cause Cause
	// Paused keeps units from handing over for health or preference. Somebody else sets it; a write keeps it.
	Paused bool
	// Term grows by one with every change of the holder.
	Term uint64
	// Duration is how long the permit lasts that its writer takes from it. It rides in the record, so that units with
	// different settings, as during a rolling change, cannot disagree about it.
	Duration time.Duration
}

// precedes tells whether the record is from before the other, judged by what can follow what: a term has one holder,
// who may release it, and the next term another. Renewals of one term cannot be told apart; to take an old one for new
// only lengthens a wait.
func (r Record) precedes(other Record) bool {
	if r.Term != other.Term {
		return r.Term < other.Term
	}
	return r.Holder != Nobody && other.Holder == Nobody
}

// outlast is how long a follower waits for a permit of the duration to be over by whichever clock.
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
	// highest is the highest term that was ever seen; a Lease that was made anew starts below it.
	highest uint64
}

// see takes in a record that was seen at the instant.
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
	// fencedAt is when the former holder's permit of the witness is over, even without its grant.
	fencedAt time.Duration
	// claim is how this unit came by it.
	claim claim
}
