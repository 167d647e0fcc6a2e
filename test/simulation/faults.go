package simulation

import (
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// troubles are what faults do to a unit, each until it is over.
type troubles struct {
	// armed are the faults that wait for a point.
	armed       []int
	pausedUntil time.Duration

	stutterUntil, stutter               time.Duration
	apiCutUntil                         time.Duration
	slowAPIUntil, slowAPI               time.Duration
	lateUntil, late                     time.Duration
	watchBrokenUntil                    time.Duration
	staleUntil, stale                   time.Duration
	slowHostUntil, slowHost             time.Duration
	loseAnswersUntil                    time.Duration
	gateFailsUntil, hostFailsUntil      time.Duration
	loseAnswers, gateFailing, hostFails int
	healthUntil, firewallUntil          time.Duration
}

// begin lets a fault begin.
func (w *world) begin(i int) {
	f := &w.plan.Faults[i]
	if !kindTable[f.Kind].side {
		w.judge.noteFault(f)
		w.beginBetween(i, f)
		return
	}
	if f.Target == Both {
		w.judge.noteFault(f)
		w.beginAt(i, f, &w.units[0])
		w.beginAt(i, f, &w.units[1])
		return
	}
	u := w.target(f.Target)
	if f.Point != Anywhere && u.alive {
		u.armed = append(u.armed, i)
		w.disturbed(w.now + f.Length)
		return
	}
	w.judge.noteFault(f)
	w.beginAt(i, f, u)
}

func (w *world) target(t Target) *unit {
	switch t {
	case TheActive:
		return w.active()
	case TheStandby:
		return w.active().other()
	case Primary, Secondary, Both:
		return &w.units[t]
	default:
		return &w.units[0]
	}
}

// armedAt reports whether a fault waits for the point.
func (u *unit) armedAt(p Point) bool {
	for _, i := range u.armed {
		if u.world.plan.Faults[i].Point == p {
			return true
		}
	}
	return false
}

// startFaultAt starts the fault that waits for this point. It returns whether the process must stop here.
func (u *unit) startFaultAt(p Point) bool {
	w := u.world
	if w.now < u.stutterUntil && u.noise.chance(5) {
		u.halt(u.noise.upTo(u.stutter))
		return true
	}
	for n, i := range u.armed {
		f := &w.plan.Faults[i]
		if f.Point != p {
			continue
		}
		u.armed = append(u.armed[:n], u.armed[n+1:]...)
		w.judge.noteFault(f)
		w.beginAt(i, f, u)
		return true
	}
	return false
}

// halt lets the process stand still.
func (u *unit) halt(d time.Duration) {
	if !u.alive {
		return
	}
	u.pausedUntil = max(u.pausedUntil, u.world.now+d)
	u.busyUntil = max(u.busyUntil, u.pausedUntil)
	u.world.disturbed(u.pausedUntil)
	if !u.turning {
		u.turn()
	}
}

// beginBetween starts a fault between the units, or of neither.
func (w *world) beginBetween(i int, f *Fault) {
	w.sayf("fault", "%s", f)
	until := w.now + f.Length
	switch f.Kind {
	case CutUnits:
		w.cut(0, until)
		w.cut(1, until)
	case DelayHeartbeats:
		w.line.delayUntil, w.line.delay = max(w.line.delayUntil, until), f.Amount
	case RepeatHeartbeats:
		w.line.repeatUntil, w.line.repeat = max(w.line.repeatUntil, until), f.Amount
	case BreakSession:
		w.session.broken()
	case NoSession:
		w.session.dialsFrom = max(w.session.dialsFrom, until)
		w.session.broken()
	case SlowSession:
		w.session.slowUntil, w.session.slow = max(w.session.slowUntil, until), f.Amount
	case OutOfSync:
		w.session.syncsFrom = max(w.session.syncsFrom, until)
		w.session.lag()
	case HoldFailover:
		w.server.touch(func(r *ha.Record) { r.Paused = true })
		w.at(until, event{what: onRestore, ref: uint32(i)})
	case Touch:
		w.server.touch(nil)
	case EmptyLease:
		w.server.touch(func(r *ha.Record) { r.Holder, r.Standby, r.Giver = ha.Nobody, ha.Nobody, ha.Nobody })
	case DeleteLease:
		w.server.remove(until)
	case ChangeTerm:
		w.server.changeTerm(&w.units[0].noise)
	default: // The others are of a unit.
	}
	w.disturbed(until)
}

func (w *world) cut(from int, until time.Duration) {
	w.line.cutUntil[from] = max(w.line.cutUntil[from], until)
}

// beginAt starts a fault of a unit.
func (w *world) beginAt(i int, f *Fault, u *unit) {
	w.sayf("fault", "%s: %s", f, u.name())
	until := w.now + f.Length
	w.disturbed(until)
	switch f.Kind {
	case Kill:
		u.die(f.Length)
	case PowerOff:
		u.powerOff(f.Length)
	case Pause:
		u.halt(f.Length + u.noise.upTo(f.Amount))
	case StopMachine:
		u.stopMachine(f.Length)
	case Stutter:
		u.stutterUntil, u.stutter = max(u.stutterUntil, until), f.Amount
	case CutOneWay:
		w.cut(u.index, until)
	case LoseHeartbeats:
		l := &w.line
		l.lossUntil[u.index], l.loss[u.index] = max(l.lossUntil[u.index], until), f.Percent
	case CutAPI:
		u.apiCutUntil = max(u.apiCutUntil, until)
	case Isolate:
		u.apiCutUntil = max(u.apiCutUntil, until)
		w.cut(0, until)
		w.cut(1, until)
	case SlowAPI:
		u.slowAPIUntil, u.slowAPI = max(u.slowAPIUntil, until), f.Amount
		w.disturbed(until + 2*f.Amount)
	case LoseAnswers:
		u.loseAnswersUntil, u.loseAnswers = max(u.loseAnswersUntil, until), f.Percent
	case LateWrites:
		u.lateUntil, u.late = max(u.lateUntil, until), f.Amount
	case BreakWatch:
		u.watchBrokenUntil = max(u.watchBrokenUntil, until)
	case StaleWatch:
		u.staleUntil, u.stale = max(u.staleUntil, until), f.Amount
	case GateFails:
		u.gateFailsUntil, u.gateFailing = max(u.gateFailsUntil, until), f.Percent
	case SlowHost:
		u.slowHostUntil, u.slowHost = max(u.slowHostUntil, until), f.Amount
		w.disturbed(until + f.Amount)
	case HostFails:
		u.hostFailsUntil, u.hostFails = max(u.hostFailsUntil, until), f.Percent
	default:
		w.beginReported(i, f, u)
	}
}

// beginReported starts a fault that the process learns of.
func (w *world) beginReported(i int, f *Fault, u *unit) {
	until := w.now + f.Length
	switch f.Kind {
	case Request:
		w.server.touch(func(r *ha.Record) { r.SwitchoverTo = u.name() })
		w.at(until, event{what: onRestore, unit: uint8(u.index), ref: uint32(i)})
	case Stop:
		if !u.alive {
			return
		}
		u.restartAfter = f.Length
		// A process that does not leave in time is killed.
		kill := w.now + f.Amount + f.Amount/50 + 300*time.Millisecond
		w.at(kill, event{what: onRestore, unit: uint8(u.index), ref: uint32(i), life: u.life})
		u.deliver(ha.StopRequested{Deadline: u.local() + f.Amount})
	case Health:
		u.health = wholeHealth
		switch f.Percent {
		case 0:
			u.health.Links = 1
		case 1:
			u.health.Probes = 1
		default:
			u.health.Unheld = 1
		}
		u.healthUntil = max(u.healthUntil, until)
		w.at(u.healthUntil, event{what: onRestore, unit: uint8(u.index), ref: uint32(i)})
		u.tell(u.life, ha.HealthChanged{Health: u.health})
	case FirewallOut:
		u.inForce = false
		u.firewallUntil = max(u.firewallUntil, until)
		w.at(u.firewallUntil, event{what: onRestore, unit: uint8(u.index), ref: uint32(i)})
		u.tell(u.life, ha.FirewallReported{InForce: false})
	default:
	}
}

// restore ends what a fault did, where that does not end by itself.
func (w *world) restore(i int, u *unit, life uint32) {
	f := &w.plan.Faults[i]
	switch f.Kind {
	case HoldFailover:
		w.server.touch(func(r *ha.Record) { r.Paused = false })
	case Request:
		w.server.touch(func(r *ha.Record) { r.SwitchoverTo = "" })
	case Stop:
		if u.alive && u.life == life {
			u.die(f.Length)
		}
	case Health:
		if w.now >= u.healthUntil && u.health != wholeHealth {
			u.health = wholeHealth
			u.tell(u.life, ha.HealthChanged{Health: u.health})
		}
	case FirewallOut:
		if w.now >= u.firewallUntil && !u.inForce {
			u.inForce = true
			u.tell(u.life, ha.FirewallReported{InForce: true})
		}
	default:
	}
}

// powerOff ends the node. Its clock starts again when it is back.
func (u *unit) powerOff(gone time.Duration) {
	w := u.world
	u.shut()
	u.stopped = stopped{}
	u.gate = gate{closesAt: u.gate.closesAt}
	u.table = table{}
	if s := &w.session; s.ends[u.index].open {
		s.ends[u.index].open = false // Nobody is left to tell the other end.
	}
	u.die(gone)
	u.clock = clock{booted: w.now, offset: u.noise.between(time.Second, 10*time.Second), ppm: u.clock.ppm}
}
