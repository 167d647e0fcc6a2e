package ha

import "github.com/hapair-io/hapair/internal/contract"

// Cause is why the active changed. Units and the operator share it.
type Cause = contract.Cause

// The causes are described in package contract.
const (
	CauseUnknown    = contract.CauseUnknown
	CauseFirst      = contract.CauseFirst
	CauseSilence    = contract.CauseSilence
	CauseExpiry     = contract.CauseExpiry
	CauseStop       = contract.CauseStop
	CauseHealth     = contract.CauseHealth
	CausePreemption = contract.CausePreemption
	CauseRequest    = contract.CauseRequest
)
