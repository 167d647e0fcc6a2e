package ha

import "time"

// maxFlushes is how often a switchover that is not a stop may fail to flush before it is given up for a while.
const maxFlushes = 3

// switchover is why the role should go to the peer; CauseUnknown when it should not. A stop comes before everything;
// the others wait for a pair that is whole, and for somebody to say that it is not paused.
func (s *step) switchover() Cause {
	if s.stop.requested {
		return CauseStop
	}
	if s.named() == Nobody || s.lease.record.Paused || !s.due(s.holdUntil) ||
		!s.passes(Switchover, s.at) {
		return CauseUnknown
	}
	e := s.beats.echo
	if e.betterFrom != 0 && s.due(e.betterFrom+s.config.Damping) {
		return CauseHealth
	}
	p := s.config.Preemption
	if p.Enabled && !s.config.Preferred && !s.ownHealth().better(e.health) && s.due(s.pairedAt()+p.Delay) {
		return CausePreemption
	}
	return CauseUnknown
}

// pairedAt is since when the peer has been of use: it answers, and is in sync.
func (m Machine) pairedAt() time.Duration { return max(m.beats.echo.steadyFrom, m.peer.inSyncFrom) }
