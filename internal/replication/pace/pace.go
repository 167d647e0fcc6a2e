// Package pace slows down work in the background, so that it leaves the processor to traffic. The sender and the
// receiver use it while they read whole tables.
package pace

import (
	"context"
	"time"
)

const (
	// stepsPerRun is the number of steps between two pauses.
	stepsPerRun = 512
	// pauseFactor is the length of a pause, as a multiple of the time that the run before it took.
	pauseFactor = 3
)

// Pacer pauses a loop in regular intervals. It is not safe for concurrent use.
type Pacer struct {
	pauses bool
	steps  int
	since  time.Time
}

// New returns a Pacer. If pauses is false, its Step never pauses.
func New(pauses bool) *Pacer { return &Pacer{pauses: pauses, since: time.Now()} }

// Step counts one step of the loop, and pauses after each run of steps. It fails only if ctx ends during a pause.
func (p *Pacer) Step(ctx context.Context) error {
	if p.steps++; !p.pauses || p.steps%stepsPerRun != 0 {
		return nil
	}
	if took := time.Since(p.since); took > 0 && !Sleep(ctx, pauseFactor*took) {
		return ctx.Err()
	}
	p.since = time.Now()
	return nil
}

// Sleep pauses for d. It reports false if ctx ended first.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
