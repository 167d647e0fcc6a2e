package lifecycle

import (
	"fmt"
	"time"
)

// Never is the time of what does not become due.
const Never = time.Duration(1<<63 - 1)

// Daemon is the state of one daemon.
type Daemon struct {
	// Phase is what the daemon is doing, and Since when that began.
	Phase Phase
	Since time.Duration
	// Restarts counts how often the daemon was started again.
	Restarts int
	// LastExit is why the daemon ended the last time.
	LastExit string
	// Silence is why the daemon did not answer the last probe; empty if it did.
	Silence string

	policy Policy
	due    time.Duration
	// pause is the one before the last restart.
	pause time.Duration
	// failures counts probes that failed in a row.
	failures int
	// stableAt is when the daemon will have answered for long enough.
	stableAt time.Duration
	// isFinal is set when the daemon must not be started again.
	isFinal bool
}

// New returns a daemon that has not begun.
func New(p Policy) Daemon { return Daemon{Phase: Stopped, policy: p, due: Never, stableAt: Never} }

// Due returns when the daemon wants an Elapsed; Never if it waits for something else.
func (d Daemon) Due() time.Duration { return d.due }

// Step takes an event at the given time. It returns the new state and what to do, in order.
func (d Daemon) Step(now time.Duration, e Event) (Daemon, []Effect) {
	var effects []Effect
	switch e := e.(type) {
	case Begin:
		effects = d.start(now)
	case Exited:
		effects = d.exited(now, e.Reason)
	case Probed:
		effects = d.probed(now, e.Failure)
	case Elapsed:
		effects = d.elapsed(now)
	case Renew:
		effects = d.renew(now, e.Reason)
	case Stop:
		effects = d.stop(now)
	}
	return d, effects
}

func (d *Daemon) enter(p Phase, now, due time.Duration) { d.Phase, d.Since, d.due = p, now, due }

func (d *Daemon) start(now time.Duration) []Effect {
	d.enter(Starting, now, now+d.policy.StartInterval)
	d.failures, d.stableAt = 0, Never
	return []Effect{Start}
}

func (d *Daemon) exited(now time.Duration, reason string) []Effect {
	if d.Phase != Ending { // the reason for ending it is better than the signal that ended it
		d.LastExit = reason
	}
	d.Silence = ""
	if d.isFinal {
		d.enter(Stopped, now, Never)
		return []Effect{Finish}
	}
	if now >= d.stableAt {
		d.pause = 0
	}
	d.pause = d.policy.pauseAfter(d.pause)
	d.enter(Waiting, now, now+d.pause)
	return nil
}

func (d *Daemon) probed(now time.Duration, failure string) []Effect {
	if d.Phase != Starting && d.Phase != Running {
		return nil // the answer of a daemon that is ending
	}
	d.Silence = failure
	if failure == "" {
		if d.Phase == Starting {
			d.enter(Running, now, Never)
			d.stableAt = now + d.policy.StableAfter
		}
		d.failures, d.due = 0, now+d.policy.ProbeInterval
		return nil
	}
	d.failures++
	if d.Phase == Starting {
		if now-d.Since >= d.policy.StartTimeout {
			return d.end(now, fmt.Sprintf("no answer within %s: %s", d.policy.StartTimeout, failure))
		}
		d.due = now + d.policy.StartInterval
		return nil
	}
	if d.failures >= d.policy.ProbeFailures {
		return d.end(now, fmt.Sprintf("no answer to %d probes: %s", d.failures, failure))
	}
	d.due = now + d.policy.ProbeInterval
	return nil
}

// renew ends a process that may answer. Any other is replaced already.
func (d *Daemon) renew(now time.Duration, reason string) []Effect {
	if d.Phase != Starting && d.Phase != Running {
		return nil
	}
	return d.end(now, reason)
}

func (d *Daemon) end(now time.Duration, reason string) []Effect {
	d.LastExit = reason
	d.enter(Ending, now, now+d.policy.StopTimeout)
	return []Effect{Terminate}
}

func (d *Daemon) elapsed(now time.Duration) []Effect {
	if now < d.due {
		return nil
	}
	switch d.Phase {
	case Starting, Running:
		d.due = Never // until the answer
		return []Effect{Probe}
	case Ending:
		d.due = now + d.policy.StopTimeout
		return []Effect{Kill}
	case Waiting:
		d.Restarts++
		return d.start(now)
	case Stopped:
	}
	return nil
}

func (d *Daemon) stop(now time.Duration) []Effect {
	if d.isFinal {
		return nil
	}
	d.isFinal = true
	switch d.Phase {
	case Starting, Running:
		return d.end(now, "stopped")
	case Ending:
		return nil
	case Waiting, Stopped:
		d.enter(Stopped, now, Never)
	}
	return []Effect{Finish}
}
