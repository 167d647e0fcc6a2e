package operator

import "time"

// Sample is what was measured with one number of pairs.
type Sample struct {
	Pairs int `json:"pairs"`

	// Converged is from the first pair's creation until all were ready, and redundant, and in sync.
	Converged Seconds `json:"converged"`
	// Reconciles of all pairs on the way there, and how long they took.
	Reconciles    uint64       `json:"reconciles"`
	Errors        uint64       `json:"errors"`
	ReconcileP50  Milliseconds `json:"reconcileP50"`
	ReconcileP99  Milliseconds `json:"reconcileP99"`
	WritesCreated int          `json:"writesCreated"`

	// At rest: for how long, how often the units renewed, what the operator wrote and reconciled, what it took of a
	// processor, and its memory.
	Rest           Seconds `json:"rest"`
	Renewals       float64 `json:"renewals"` // a second
	RestWrites     int     `json:"restWrites"`
	RestReconciles uint64  `json:"restReconciles"`
	RestCPU        float64 `json:"restCPU"`  // thousandths of a processor
	Resident       float64 `json:"resident"` // MiB
	Peak           float64 `json:"peak"`

	// From the API server's answer to the write of the Lease until the EndpointSlice with the new active was seen: one
	// failover after the other, and many at once.
	Repointed Spread `json:"repointed"`
	Burst     int    `json:"burst"`
	BurstLast Spread `json:"burstRepointed"`

	// Restarted is from the start of another operator until it had looked at every pair, and what it wrote meanwhile.
	Restarted     Seconds `json:"restarted"`
	RestartWrites int     `json:"restartWrites"`
}

// Spread is of many durations.
type Spread struct {
	P50 Milliseconds `json:"p50"`
	P99 Milliseconds `json:"p99"`
	Max Milliseconds `json:"max"`
}

// Seconds is a duration in a file that people read.
type Seconds float64

// Milliseconds is one, too.
type Milliseconds float64

func seconds(d time.Duration) Seconds { return Seconds(d.Seconds()) }
func milliseconds(d time.Duration) Milliseconds {
	return Milliseconds(float64(d) / float64(time.Millisecond))
}
