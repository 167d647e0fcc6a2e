package simulation

import "time"

// gate is what the kernel enforces, whatever becomes of the process.
type gate struct {
	// until is the deadline by the node's own clock, and closesAt the same in true time.
	until, closesAt time.Duration
	// term and life are those of the process that opened it.
	term uint64
	life uint32
}

func (g *gate) open(now time.Duration) bool { return now < g.closesAt }

// openGate writes the deadline, as the kernel does: past it, or when it fails, it opens nothing, or says that it did
// not.
func (u *unit) openGate(until time.Duration) error {
	w := u.world
	switch w.broken.Mutation {
	case RelativeTimer:
		until += u.local() - u.decidedAt
	case CountedFromAnswer:
		until += u.lateness()
	case NoShortening:
		if u.gate.open(w.now) && until < u.gate.until {
			return nil
		}
	default:
	}
	happens, failure := u.gateFails()
	if !happens {
		return failure
	}
	if u.local() >= until {
		u.shut()
		return errPast
	}
	u.produce()
	u.stopped.isUnwatched = false
	g := u.gate
	u.gate = gate{until: until, closesAt: u.when(until), term: u.machine.Term(), life: u.life}
	w.judge.opens(u, g)
	return failure
}

// closeGate closes it at once.
func (u *unit) closeGate() error {
	w := u.world
	if w.broken.Mutation == LyingGate {
		return nil
	}
	happens, failure := u.gateFails()
	if happens {
		if u.gate.open(w.now) {
			w.pass(Closed)
		}
		u.shut()
	}
	return failure
}

// gateFails returns whether a write of the gate happens, and its error. A write may fail and still happen.
func (u *unit) gateFails() (happens bool, failure error) {
	if u.world.now >= u.gateFailsUntil || !u.noise.chance(u.gateFailing) {
		return true, nil
	}
	return u.noise.chance(50), errGate
}

// shut closes the gate in the kernel.
func (u *unit) shut() {
	u.produce()
	u.stopped.left, u.stopped.isUnwatched = 0, false
	u.gate.until = -1
	u.gate.closesAt = min(u.gate.closesAt, u.world.now)
}
