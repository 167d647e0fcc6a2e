package ha

import "time"

// maxFlushes is how often the flush of a switchover may fail before the switchover is given up for a while. A stop
// tries until its deadline.
const maxFlushes = 3

// switchoverCause returns why the role should go to the peer now, and CauseUnknown when it should not. A stop comes
// before everything else. The other causes require a complete pair. A pause holds back all but a request.
func (t *transition) switchoverCause() Cause {
	switch {
	case t.stop.requested:
		return CauseStop
	case t.namedStandby() == Nobody || !t.reached(t.holdUntil) || !t.passes(Switchover, t.at):
		return CauseUnknown
	case t.lease.record.SwitchoverTo == t.peer.incarnation.Unit():
		return CauseRequest
	case t.lease.record.Paused:
		return CauseUnknown
	case t.beats.answer.betterFrom != 0 && t.reached(t.beats.answer.betterFrom+t.config.Damping):
		return CauseHealth
	case t.wantsPreemption() && t.reached(t.pairedAt()+t.config.Preemption.Delay):
		return CausePreemption
	default:
		return CauseUnknown
	}
}

// wantsPreemption reports whether the role should return to the peer once the delay is over. A request for this unit
// prevents that while it is pending, or the role would move back and forth.
func (m Machine) wantsPreemption() bool {
	return m.config.Preemption.Enabled && !m.config.Preferred && !m.ownHealth().isBetterThan(m.beats.answer.health) &&
		m.lease.record.SwitchoverTo != m.config.Self.Unit()
}

// pairedAt returns since when the peer could take over: it answers, and is in sync.
func (m Machine) pairedAt() time.Duration { return max(m.beats.answer.steadyFrom, m.peer.inSyncFrom) }

// wakeForSwitchover requests a Tick for the instants at which switchoverCause may change.
func (t *transition) wakeForSwitchover() {
	t.wakeAt(t.holdUntil)
	if better := t.beats.answer.betterFrom; better != 0 {
		t.wakeAt(better + t.config.Damping)
	}
	if t.wantsPreemption() {
		t.wakeAt(t.pairedAt() + t.config.Preemption.Delay)
	}
}
