package ha

import "fmt"

// Cause is why the active changed.
type Cause uint8

const (
	// CauseUnknown means that the record gives no cause.
	CauseUnknown Cause = iota
	// CauseFirst means that there was no active before, or that it had left.
	CauseFirst
	// CauseSilence means that the active's heartbeats were missing.
	CauseSilence
	// CauseExpiry means that the active did not renew the Lease.
	CauseExpiry
	// CauseStop means that the active was asked to stop.
	CauseStop
	// CauseHealth means that the standby was the healthier unit.
	CauseHealth
	// CausePreemption means that the preferred unit was back.
	CausePreemption
	// CauseRequest means that somebody requested the switchover.
	CauseRequest
)

var causes = [...]string{"", "First", "Silence", "Expiry", "Stop", "Health", "Preemption", "Request"}

// String returns the cause's name in the Lease, logs and status.
func (c Cause) String() string {
	if int(c) < len(causes) {
		return causes[c]
	}
	return fmt.Sprintf("Cause(%d)", uint8(c))
}

// isUnplanned reports whether the former active was lost, so that the time since its last sign of life matters.
func (c Cause) isUnplanned() bool { return c == CauseSilence || c == CauseExpiry }

// ParseCause returns the cause of a name, and CauseUnknown for a name that it does not know.
func ParseCause(name string) Cause {
	for i, n := range causes {
		if n == name {
			return Cause(i)
		}
	}
	return CauseUnknown
}
