package ha

import "fmt"

// Cause is why the active changed.
type Cause uint8

const (
	// CauseUnknown is of a record that says none.
	CauseUnknown Cause = iota
	// CauseFirst is that there was no active before, or that it had left.
	CauseFirst
	// CauseSilence is that the active's heartbeats were missing.
	CauseSilence
	// CauseExpiry is that the active did not renew the Lease.
	CauseExpiry
	// CauseStop is that the active was asked to stop.
	CauseStop
	// CauseHealth is that the standby was the healthier one.
	CauseHealth
	// CausePreemption is that the preferred unit was there again.
	CausePreemption
)

var causes = [...]string{"", "First", "Silence", "Expiry", "Stop", "Health", "Preemption"}

// String is the cause's name in the Lease, logs and status.
func (c Cause) String() string {
	if int(c) < len(causes) {
		return causes[c]
	}
	return fmt.Sprintf("Cause(%d)", uint8(c))
}

// isUnplanned reports whether the former active was lost, so that its last sign of life is worth reporting.
func (c Cause) isUnplanned() bool { return c == CauseSilence || c == CauseExpiry }

// ParseCause is the cause of the name; CauseUnknown when there is none.
func ParseCause(name string) Cause {
	for i, n := range causes {
		if n == name {
			return Cause(i)
		}
	}
	return CauseUnknown
}
