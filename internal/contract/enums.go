package contract

import "slices"

// The units of every pair.
const (
	Primary   = "primary"
	Secondary = "secondary"
)

// Cause is why the active unit changed. A cause of a later release is kept as it is.
type Cause string

// The causes of a change of the active unit.
const (
	// CauseUnknown stands for a cause that was not recorded.
	CauseUnknown Cause = ""
	// CauseFirst means that there was no active unit, or that it had left.
	CauseFirst Cause = "First"
	// CauseSilence means that the active unit's heartbeats were missing.
	CauseSilence Cause = "Silence"
	// CauseExpiry means that the active unit did not renew the Lease.
	CauseExpiry Cause = "Expiry"
	// CauseStop means that the active unit was asked to stop.
	CauseStop Cause = "Stop"
	// CauseHealth means that the standby was healthier.
	CauseHealth Cause = "Health"
	// CausePreemption means that the primary unit was available again.
	CausePreemption Cause = "Preemption"
	// CauseRequest means that a person requested the switchover.
	CauseRequest Cause = "Request"
)

// Causes returns all causes, CauseUnknown first.
func Causes() []Cause {
	return []Cause{
		CauseUnknown, CauseFirst, CauseSilence, CauseExpiry, CauseStop, CauseHealth, CausePreemption, CauseRequest,
	}
}

// ParseCause returns the cause of that name, or CauseUnknown if this release does not know it.
func ParseCause(name string) Cause {
	if c := Cause(name); slices.Contains(Causes(), c) {
		return c
	}
	return CauseUnknown
}

// unknownCause is how CauseUnknown is written in a status.
const unknownCause = "Unknown"

// String returns the name of the cause, as in a status; "Unknown" if it was not recorded.
func (c Cause) String() string {
	if c == CauseUnknown {
		return unknownCause
	}
	return string(c)
}

// MarshalText returns what String returns.
func (c Cause) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Cause) UnmarshalText(text []byte) error {
	*c = Cause(text)
	if *c == unknownCause {
		*c = CauseUnknown
	}
	return nil
}

// IsUnplanned reports whether the former active unit was lost. Its last sign of life is then worth reporting.
func (c Cause) IsUnplanned() bool { return c == CauseSilence || c == CauseExpiry }

// Fence is what closes a unit's gate in the kernel when its permit ends.
type Fence string

// The kinds of fences.
const (
	// FenceBPF is a BPF program in the kernel's traffic control.
	FenceBPF Fence = "BPF"
	// FenceNFTables is an nftables set whose elements time out. It is weaker, since its deadline is relative.
	FenceNFTables Fence = "NFTables"
	// FenceUnavailable means that the kernel refused both.
	FenceUnavailable Fence = "Unavailable"
)

// Fences returns all kinds of fences.
func Fences() []Fence { return []Fence{FenceBPF, FenceNFTables, FenceUnavailable} }
