package lifecycle

import "time"

// Policy has the times of a daemon.
type Policy struct {
	// StartTimeout is how long a daemon may take to answer after its start.
	StartTimeout time.Duration
	// StartInterval is the pause between probes until the daemon answers, and ProbeInterval the one from then on.
	StartInterval, ProbeInterval time.Duration
	// ProbeFailures is how many probes in a row may fail. After so many, the daemon is restarted.
	ProbeFailures int
	// InitialPause is the pause before the first restart. It doubles with each one, up to MaxPause.
	InitialPause, MaxPause time.Duration
	// StableAfter is how long a daemon must answer until its next restart is a first one again.
	StableAfter time.Duration
	// StopTimeout is how long a daemon may take to end after SIGTERM. Then it gets SIGKILL.
	StopTimeout time.Duration
}

// DefaultPolicy returns the policy of daemons that a unit needs.
func DefaultPolicy() Policy {
	return Policy{
		StartTimeout:  30 * time.Second,
		StartInterval: 50 * time.Millisecond,
		ProbeInterval: time.Second,
		ProbeFailures: 5,
		InitialPause:  100 * time.Millisecond,
		MaxPause:      10 * time.Second,
		StableAfter:   time.Minute,
		StopTimeout:   5 * time.Second,
	}
}

// pauseAfter returns the pause before a restart from the pause before the last one, which is 0 at the first.
func (p Policy) pauseAfter(last time.Duration) time.Duration {
	return min(max(2*last, p.InitialPause), p.MaxPause)
}
