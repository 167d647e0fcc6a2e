package simulation

import "time"

// stopped is what a unit's machine has on record while, and after, it stood still together with its boot clock.
type stopped struct {
	// until is when it continues, and left for how long its gate is open then, by the clock that stood still.
	until, left time.Duration
	// lost is by how much the boot clock is behind.
	lost time.Duration
	// noticedBy is when the process has noticed a stop at the latest, if it runs.
	noticedBy time.Duration
	// isUnwatched is set while no process looked at the second clock since.
	isUnwatched bool
}

// stopMachine lets the machine stand still. The gate passes nothing meanwhile, and its deadline is no nearer then.
func (u *unit) stopMachine(d time.Duration) {
	w, s := u.world, &u.stopped
	if w.now < s.until {
		return // It does already.
	}
	left := max(u.gate.closesAt-w.now, 0)
	u.produce()
	u.gate.closesAt = min(u.gate.closesAt, w.now)
	s.until, s.left = w.now+d, left
	s.lost += u.clock.at(s.until) - u.clock.at(w.now)
	u.halt(d + u.noise.upTo(w.plan.Delays.Wake))
	w.at(s.until, event{what: onMachine, unit: uint8(u.index)})
}

// happenToMachine lets something happen to a machine that was stopped.
func (u *unit) happenToMachine(what what) {
	switch what {
	case onMachine:
		u.resumeMachine()
	case onNotice:
		u.notice()
	case onNoticed:
		u.world.judge.noticed(u)
	default: // The world handles the others.
	}
}

// resumeMachine lets it continue: with an open gate, until the process has noticed.
func (u *unit) resumeMachine() {
	w, s := u.world, &u.stopped
	if s.until == 0 || w.now < s.until {
		return // The power was cut.
	}
	if s.left == 0 {
		return
	}
	u.gate.closesAt = w.now + s.left
	s.left, s.isUnwatched = 0, true
	s.noticedBy = w.now + w.plan.Delays.Wake + w.plan.Delays.Host
	w.disturbed(u.gate.closesAt)
	w.after(u.noise.upTo(w.plan.Delays.Wake), event{what: onNotice, unit: uint8(u.index)})
	w.at(s.noticedBy, event{what: onNoticed, unit: uint8(u.index)})
}

// notice lets the process set the deadline of its gate again, by the second clock. A process that stands still does so
// afterwards, and one that is dead leaves it to its successor.
func (u *unit) notice() {
	w := u.world
	switch {
	case !u.alive || !u.stopped.isUnwatched || w.now < u.stopped.until:
	case w.now < u.pausedUntil:
		w.at(u.pausedUntil, event{what: onNotice, unit: uint8(u.index)})
	case w.broken.Mutation == NoSecondClock:
		u.stopped.isUnwatched = false
	default:
		u.stopped.isUnwatched = false
		if closesAt := u.when(u.gate.until); closesAt < u.gate.closesAt {
			u.produce()
			u.gate.closesAt = max(closesAt, w.now)
		}
	}
}

// local returns the unit's time.
func (u *unit) local() time.Duration { return u.clock.at(u.world.now) - u.behind() }

// when returns the first true instant at which the unit's time is the given one, or later.
func (u *unit) when(local time.Duration) time.Duration { return u.clock.when(local + u.behind()) }

// behind returns by how much the unit's time is behind: nothing, since the second clock shows every stop.
func (u *unit) behind() time.Duration {
	if u.world.broken.Mutation == NoSecondClock {
		return u.stopped.lost
	}
	return 0
}

// isUnaware reports whether the unit's machine was stopped, and continues before its process can have noticed. Its gate
// is open by a clock that stood still.
func (u *unit) isUnaware() bool {
	return u.stopped.isUnwatched && (!u.alive || u.world.now < max(u.stopped.noticedBy, u.pausedUntil))
}

// noticed looks at a unit whose process must have noticed by now that its machine was stopped.
func (j *judge) noticed(u *unit) {
	now, other := j.world.now, u.other()
	excused := j.isolated[0] || j.isolated[1] || j.byHand || u.isUnaware() || other.isUnaware()
	if u.gate.open(now) && other.gate.open(now) && !excused {
		j.fail(OneActive, "the machine of %s continues with its gate open until %s, and that of %s is open until %s",
			u.name(), u.gate.closesAt, other.name(), other.gate.closesAt)
	}
}
