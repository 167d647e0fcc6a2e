package simulation

import (
	"fmt"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// world is a run. It is used again for the next, since most of what it holds is the same size again.
type world struct {
	plan    *Plan
	broken  Break
	now     time.Duration
	agenda  agenda
	units   [2]unit
	server  server
	line    line
	session session
	judge   judge
	trace   *trace

	// facts are what is on the way to a process; they are told by number.
	facts []ha.Fact
	// passed counts the milestones.
	passed [milestones]int
	// waiting are the faults that follow a milestone and have not begun.
	waiting []int
	// quietFrom is when everything that faults did is over, as far as it is known now.
	quietFrom time.Duration
	// faultNoise is for what a fault leaves to chance.
	faultNoise noise
}

// run plays a plan in a world that obeys all rules but the one that is broken.
func (w *world) run(p *Plan, b Break) *Violation {
	w.reset(p, b)
	for w.judge.violation == nil && !w.judge.over {
		w.step()
	}
	w.judge.finish()
	return w.judge.violation
}

func (w *world) reset(p *Plan, b Break) {
	w.plan, w.broken, w.now = p, b, 0
	w.agenda.clear()
	w.facts = w.facts[:0]
	w.passed = [milestones]int{}
	w.waiting = w.waiting[:0]
	w.faultNoise.seed(p.Noise, 1)
	w.server.reset(w)
	w.line.reset(w)
	w.session.reset(w)
	w.judge.reset(w)
	for i := range w.units {
		w.units[i].reset(w, i)
		w.at(p.Units[i].Starts, event{what: onStart, unit: uint8(i)})
	}
	w.quietFrom = max(p.Units[0].Starts, p.Units[1].Starts, p.LeaseAppears)
	for i, f := range p.Faults {
		if f.After != Beginning {
			w.waiting = append(w.waiting, i)
			continue
		}
		w.arrange(i, f.At)
	}
	w.at(w.plan.Delays.Redial, event{what: onDial})
}

// arrange lets a fault begin.
func (w *world) arrange(i int, at time.Duration) {
	w.disturbed(at + w.plan.Faults[i].Length)
	w.at(at, event{what: onFault, ref: uint32(i)})
}

// disturbed notes that nothing is quiet before the instant.
func (w *world) disturbed(until time.Duration) { w.quietFrom = max(w.quietFrom, until) }

// quiet reports whether all faults are over.
func (w *world) quiet() bool {
	return w.now >= w.quietFrom && (len(w.waiting) == 0 || w.now >= w.plan.TroubleEnds)
}

// pass notes a milestone, and lets the faults begin that follow it.
func (w *world) pass(m Milestone) {
	w.passed[m]++
	if len(w.waiting) == 0 || w.plan.TroubleEnds != 0 && w.now >= w.plan.TroubleEnds {
		return
	}
	kept := w.waiting[:0]
	for _, i := range w.waiting {
		if f := &w.plan.Faults[i]; f.After == m && f.Nth == w.passed[m] {
			w.arrange(i, w.now+f.At)
			continue
		}
		kept = append(kept, i)
	}
	w.waiting = kept
}

func (w *world) at(t time.Duration, e event) {
	e.at = max(t, w.now)
	w.agenda.add(e)
}

func (w *world) after(d time.Duration, e event) { w.at(w.now+d, e) }

// step lets the next thing happen. A process that wakes or goes on is not on the agenda, since that changes with
// everything that happens to it.
func (w *world) step() {
	next, due := w.agenda.next(), (*unit)(nil)
	for i := range w.units {
		if u := &w.units[i]; u.turnAt < next {
			next, due = u.turnAt, u
		}
	}
	if next == never {
		w.judge.over = true
		return
	}
	w.now = next
	if due != nil {
		due.turn()
	} else {
		w.happen(w.agenda.take())
	}
	w.judge.look()
}

func (w *world) happen(e event) {
	u := &w.units[e.unit]
	switch e.what {
	case onFault:
		w.begin(int(e.ref))
	case onRequestHandled:
		w.server.handled()
	case onRestore:
		w.restore(int(e.ref), u, e.life)
	case onStart:
		u.start()
	case onFirewall:
		u.tell(e.life, ha.FirewallReported{InForce: u.inForce})
	case onFact:
		u.tell(e.life, w.facts[e.ref])
	case onDatagram:
		w.line.arrive(u, e)
	case onRequest:
		w.server.serve(e.ref)
	case onAnswer:
		w.server.answer(e.ref, false)
	case onTimeout:
		w.server.answer(e.ref, true)
	case onRelist:
		w.server.relist(u, e.life)
	case onDial:
		w.session.dial()
	case onPulse:
		w.session.pulse(e.number)
	case onFrame:
		w.session.deliver(e)
	case onReset:
		w.session.hangUp(e)
	case onSnapshot:
		w.session.transferred(e)
	case onMachine, onNotice, onNoticed:
		u.happenToMachine(e.what)
	case onFlush:
		w.session.lookAtFlush(e)
	}
}

// note keeps a fact for the agenda.
func (w *world) note(f ha.Fact) uint32 {
	w.facts = append(w.facts, f)
	return uint32(len(w.facts) - 1)
}

// active returns the unit whose gate is open, or else the holder of the Lease, or else the primary.
func (w *world) active() *unit {
	for i := range w.units {
		if w.units[i].gate.open(w.now) {
			return &w.units[i]
		}
	}
	for i := range w.units {
		if u := &w.units[i]; u.self == w.server.record.Holder {
			return u
		}
	}
	return &w.units[0]
}

func (u *unit) other() *unit { return &u.world.units[1-u.index] }

// sayf writes into the trace, if there is one.
func (w *world) sayf(who string, format string, args ...any) {
	if w.trace != nil {
		w.trace.line(w.now, who, fmt.Sprintf(format, args...))
	}
}
