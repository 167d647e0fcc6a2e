package operator

import "time"

// Sample has the values measured with one number of pairs.
type Sample struct {
	Pairs int `json:"pairs"`

	// Converged is the time from the creation of the first pair until all were ready, redundant and in sync.
	Converged Seconds `json:"converged"`
	// Reconciles counts the reconciles of all pairs until then; the next fields have their durations.
	Reconciles    uint64       `json:"reconciles"`
	Errors        uint64       `json:"errors"`
	ReconcileP50  Milliseconds `json:"reconcileP50"`
	ReconcileP99  Milliseconds `json:"reconcileP99"`
	WritesCreated int          `json:"writesCreated"`

	// At rest: the duration, the renewals of the units, the operator's writes and reconciles, and its use of the
	// processor and of memory.
	Rest           Seconds `json:"rest"`
	Renewals       float64 `json:"renewals"` // a second
	RestWrites     int     `json:"restWrites"`
	RestReconciles uint64  `json:"restReconciles"`
	RestCPU        float64 `json:"restCPU"`  // thousandths of a processor
	Resident       float64 `json:"resident"` // MiB
	Peak           float64 `json:"peak"`

	// Repointed is the time from the API server's response to the write of the Lease until the EndpointSlice with the new
	// active unit was seen, for single failovers. BurstLast is the same for many failovers at once.
	Repointed Spread `json:"repointed"`
	Burst     int    `json:"burst"`
	BurstLast Spread `json:"burstRepointed"`

	// Restarted is the time from the start of another operator until it had reconciled every pair.
	Restarted     Seconds `json:"restarted"`
	RestartWrites int     `json:"restartWrites"`
}

// Spread describes many durations.
type Spread struct {
	P50 Milliseconds `json:"p50"`
	P99 Milliseconds `json:"p99"`
	Max Milliseconds `json:"max"`
}

// Seconds is a duration in a file that people read.
type Seconds float64

// Milliseconds is a duration in a file that people read.
type Milliseconds float64

func seconds(d time.Duration) Seconds { return Seconds(d.Seconds()) }
func milliseconds(d time.Duration) Milliseconds {
	return Milliseconds(float64(d) / float64(time.Millisecond))
}
