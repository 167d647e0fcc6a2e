package ha

import "time"

// maxFlushes is how often a switchover that is not a stop may fail to flush before it is given up for a while.
const maxFlushes = 3

// switchover is why the role should go to the peer; CauseUnknown when it should not. A stop comes before everything;
// the others wait for a pair that is whole, and for somebody to say that it is not paused.
func (t *transition) switchover() Cause {
	if t.stop.requested {
		return CauseStop
	}
	if t.named() == Nobody || t.lease.record.Paused || !t.due(t.holdUntil) ||
		!t.passes(Switchover, t.at) {
		return CauseUnknown
	}
	e := t.beats.echo
	if e.betterFrom != 0 && t.due(e.betterFrom+t.config.Damping) {
		return CauseHealth
	}
	p := t.config.Preemption
	if p.Enabled && !t.config.Preferred && !t.ownHealth().better(e.health) && t.due(t.pairedAt()+p.Delay) {
		return CausePreemption
	}
	return CauseUnknown
}

// pairedAt is since when the peer has been of use: it answers, and is in sync.
func (m Machine) pairedAt() time.Duration { return max(m.beats.echo.steadyFrom, m.peer.inSyncFrom) }
