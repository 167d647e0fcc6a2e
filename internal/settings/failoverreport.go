package settings

// FailoverReport tells how the active changed last. The unit that became active writes it on the pair's Lease, and the
// operator reads it there. All durations are as that unit saw them.
type FailoverReport struct {
	Term uint64 `json:"term"`
	// Unit became active, for the Cause: First, Silence, Expiry, Stop, Health or Preemption.
	Unit  string `json:"unit"`
	Cause string `json:"cause"`
	// At is when the promotion ended, in RFC 3339, for people.
	At string `json:"at"`
	// DetectedMicroseconds is from the last sign of life of the former active to the decision to take over; 0 for a
	// planned change.
	DetectedMicroseconds int64 `json:"detectedMicroseconds"`
	// ClaimedMicroseconds is from the decision until the Lease named the unit.
	ClaimedMicroseconds int64 `json:"claimedMicroseconds"`
	// The stages of the promotion.
	FencedMicroseconds    int64 `json:"fencedMicroseconds"`
	CommittedMicroseconds int64 `json:"committedMicroseconds"`
	OpenedMicroseconds    int64 `json:"openedMicroseconds"`
	AttachedMicroseconds  int64 `json:"attachedMicroseconds"`
	AnnouncedMicroseconds int64 `json:"announcedMicroseconds"`
	VerifiedMicroseconds  int64 `json:"verifiedMicroseconds"`
	// TotalMicroseconds is from the last sign of life, or from the decision for a planned change, to the end.
	TotalMicroseconds int64 `json:"totalMicroseconds"`
	// SessionsHeld is how many connections the unit's kernel held when it became active.
	SessionsHeld int64 `json:"sessionsHeld"`
}
