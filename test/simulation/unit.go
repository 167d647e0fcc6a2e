package simulation

import (
	"errors"
	"fmt"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// maxLives bounds the lives that have a name.
const maxLives = 64

// names are the incarnations of both units. They are made once, since making strings takes time.
var names = func() (all [2][maxLives]ha.Incarnation) {
	for i := range all {
		for life := range all[i] {
			all[i][life] = ha.Incarnation(fmt.Sprintf("%s/%d", Target(i), life))
		}
	}
	return all
}()

// unit is a node with its kernel, and the process on it.
type unit struct {
	world *world
	index int
	clock clock
	gate  gate
	// table is the state in the kernel.
	table table
	noise noise
	// turnAt is when the process wakes, or continues its work.
	turnAt time.Duration
	// downUntil is when the next life may begin, and restartAfter how long after an exit.
	downUntil, restartAfter time.Duration
	// health and inForce are what the monitors say, which outlives the process.
	health  ha.Health
	inForce bool

	process
	troubles
	stopped stopped
}

// process is what ends with a life. Its loop takes one fact at a time, and executes what comes of it before the next.
type process struct {
	alive   bool
	life    uint32
	self    ha.Incarnation
	machine ha.Machine
	// inbox are facts from outside, answers those that the loop itself found out; they come first.
	inbox, answers facts
	// effects are what the last step wanted, from next on. decidedAt is when, by the unit's own clock.
	effects   []ha.Effect
	next      int
	decidedAt time.Duration
	// wanted is for how long the last heartbeat that it took in asked it to wait.
	wanted time.Duration
	// host is the effect that the loop is busy with, until busyUntil.
	host      ha.Effect
	busyUntil time.Duration
	turning   bool
	// stalled is set when the loop could not look for a while. What comes first then, what was told meanwhile or that
	// it is late, is chance.
	stalled bool
	// relinquished is the newest term that the peer relinquished.
	relinquished uint64
	replication
	client
}

// facts is a queue.
type facts struct {
	list []ha.Fact
	head int
}

func (q *facts) add(f ha.Fact) { q.list = append(q.list, f) }
func (q *facts) empty() bool   { return q.head == len(q.list) }
func (q *facts) clear()        { q.list, q.head = q.list[:0], 0 }

func (q *facts) take() ha.Fact {
	f := q.list[q.head]
	q.head++
	if q.empty() {
		q.clear()
	}
	return f
}

func (u *unit) reset(w *world, index int) {
	s := &w.plan.Units[index]
	inbox, answers, armed := u.inbox, u.answers, u.armed[:0]
	*u = unit{world: w, index: index, turnAt: never, clock: clock{offset: s.Offset, ppm: s.Drift}}
	u.inbox, u.answers, u.armed = inbox, answers, armed
	u.noise.seed(w.plan.Noise, 16+uint64(index))
	u.health, u.inForce = wholeHealth, true
	u.gate.until = -1
}

// wholeHealth is that of a unit with nothing wrong.
var wholeHealth = ha.Health{Links: 3, Probes: 3, Judged: 3}

func (u *unit) name() string { return Target(u.index).String() }

// start begins a life.
func (u *unit) start() {
	w := u.world
	if u.alive || w.now < u.downUntil {
		return
	}
	if w.now < u.stopped.until {
		w.at(u.stopped.until, event{what: onStart, unit: uint8(u.index)})
		return
	}
	life := u.life + 1
	inbox, answers := u.inbox, u.answers
	inbox.clear()
	answers.clear()
	u.process = process{alive: true, life: life, inbox: inbox, answers: answers}
	u.self = names[u.index][life%maxLives]
	if w.broken.Mutation == SameIncarnation {
		u.self = names[u.index][1]
	}
	c := w.plan.Units[u.index].Machine
	c.Self = u.self
	u.machine = ha.New(c)
	u.restartAfter, u.pausedUntil = 200*time.Millisecond, 0
	w.sayf(u.name(), "begins life %d", life)
	u.inbox.add(ha.Tick{})
	u.inbox.add(ha.HealthChanged{Health: u.health})
	w.after(u.noise.upTo(50*time.Millisecond), event{what: onFirewall, unit: uint8(u.index), life: life})
	u.watchFromAnew(u.noise.upTo(30 * time.Millisecond))
	u.turn()
}

// die ends the life. The kernel goes on.
func (u *unit) die(gone time.Duration) {
	w := u.world
	if u.alive {
		w.sayf(u.name(), "dies")
		u.alive, u.turnAt = false, never
		w.session.left(u)
	}
	u.downUntil = max(u.downUntil, w.now+gone)
	w.disturbed(u.downUntil)
	w.at(u.downUntil, event{what: onStart, unit: uint8(u.index)})
}

// tell gives the process a fact, if it is still in that life.
func (u *unit) tell(life uint32, f ha.Fact) {
	switch {
	case !u.alive || u.life != life:
	case subjectOf(f) != 0:
		u.tellNewest(f)
	default:
		u.deliver(f)
	}
}

func (u *unit) deliver(f ha.Fact) {
	u.inbox.add(f)
	u.turn()
}

// turn lets the loop work until it has nothing more to do, or cannot go on.
func (u *unit) turn() {
	w := u.world
	if u.turning {
		return // What was told meanwhile waits in the inbox.
	}
	u.turning = true
	defer func() { u.turning = false }()
	for u.alive {
		if w.now < u.busyUntil {
			u.turnAt, u.stalled = u.busyUntil, true
			return
		}
		switch {
		case u.host != nil:
			u.finish()
		case u.next < len(u.effects):
			e := u.effects[u.next]
			if u.startFaultAt(u.pointOf(e)) {
				continue
			}
			u.next++
			u.execute(e)
		case !u.answers.empty():
			u.take(u.answers.take())
		case !u.inbox.empty() && u.chooseTimer():
			u.take(ha.Tick{})
		case !u.inbox.empty():
			if !u.startFaultAt(BeforeStep) {
				u.take(u.inbox.take())
			}
		default:
			if u.sleep() {
				return
			}
			u.inbox.add(ha.Tick{})
		}
	}
}

// chooseTimer draws whether a loop that was stalled sees its timer before the facts that wait.
func (u *unit) chooseTimer() bool {
	if !u.stalled {
		return false
	}
	u.stalled = false
	wake := u.machine.Wake()
	return wake != 0 && u.local() >= wake && u.noise.chance(50)
}

// pointOf returns where the process is just before the effect.
func (u *unit) pointOf(e ha.Effect) Point {
	if u.next == 0 && len(u.armed) != 0 && u.armedAt(AfterStep) {
		return AfterStep
	}
	switch e.(type) {
	case ha.OpenGate, ha.CloseGate:
		return BeforeGate
	case ha.ReadLease, ha.WriteLease:
		return BeforeRequest
	case ha.SendHeartbeat, ha.AcknowledgeHeartbeat:
		return BeforeHeartbeat
	case ha.Flush, ha.Relinquish:
		return BeforeRelinquish
	default:
		return Anywhere
	}
}

// sleep sets when the loop wakes. It returns false if that is now.
func (u *unit) sleep() bool {
	u.turnAt = never
	wake := u.machine.Wake()
	if wake == 0 {
		return true
	}
	if u.local() >= wake {
		return false
	}
	u.turnAt = u.when(wake) + u.noise.upTo(u.world.plan.Delays.Wake)
	return true
}

func (u *unit) take(f ha.Fact) {
	w := u.world
	u.decidedAt = u.local()
	if h, isHeartbeat := f.(ha.HeartbeatReceived); isHeartbeat {
		u.wanted = h.Grant
	}
	f = u.mutateFact(f)
	u.machine, u.effects = u.machine.Step(ha.Event{At: u.decidedAt, Fact: f})
	u.next = 0
	if w.trace != nil {
		w.trace.step(w, u, f)
	}
}

// execute begins an effect. The loop is busy with those on the host; the others continue by themselves.
func (u *unit) execute(e ha.Effect) {
	w := u.world
	switch e := e.(type) {
	case ha.OpenGate, ha.CloseGate, ha.AttachAddresses, ha.WithdrawAddresses, ha.Announce, ha.Verify:
		u.host = e
		u.busyUntil = w.now + u.noise.between(w.plan.Delays.Host/10, w.plan.Delays.Host)
		if w.now < u.slowHostUntil {
			u.busyUntil += u.noise.upTo(u.slowHost)
		}
	case ha.ReadLease:
		w.server.ask(u, e.ID, false, ha.Record{})
	case ha.WriteLease:
		w.server.ask(u, e.ID, true, e.Record)
	case ha.CommitState:
		u.later(u.noise.upTo(w.plan.Delays.Commit), ha.EffectDone{ID: e.ID, Err: u.hostError()})
	case ha.Become:
		w.session.become(u, e)
	case ha.Flush:
		if w.broken.Mutation == EarlyRelinquish {
			w.session.relinquishEarly(u)
		}
		w.session.flush(u, e.ID, nil)
	case ha.Relinquish:
		w.session.flush(u, e.ID, &e)
	case ha.SendHeartbeat:
		w.line.heartbeat(u, e)
	case ha.AcknowledgeHeartbeat:
		w.judge.granted(u)
		w.line.acknowledge(u, e)
	case ha.Exit:
		u.die(u.restartAfter)
	}
}

// later sends this life of the process a fact after a while.
func (u *unit) later(d time.Duration, f ha.Fact) {
	w := u.world
	w.after(d, event{what: onFact, unit: uint8(u.index), life: u.life, ref: w.note(f)})
}

var (
	errGate = errors.New("the gate cannot be written")
	errPast = errors.New("the deadline is past")
	errHost = errors.New("the host refuses")
)

// finish completes the effect that the loop was busy with, and answers.
func (u *unit) finish() {
	e := u.host
	u.host = nil
	done := ha.EffectDone{}
	switch e := e.(type) {
	case ha.OpenGate:
		done.ID, done.Err = e.ID, u.openGate(e.Until)
	case ha.CloseGate:
		done.ID, done.Err = e.ID, u.closeGate()
	case ha.AttachAddresses:
		done.ID, done.Err = e.ID, u.hostError()
	case ha.WithdrawAddresses:
		done.ID, done.Err = e.ID, u.hostError()
	case ha.Announce:
		done.ID, done.Err = e.ID, u.hostError()
	case ha.Verify:
		done.ID, done.Err = e.ID, u.hostError()
	default: // all other effects have handlers of their own
	}
	if !u.alive {
		return
	}
	u.answers.add(done)
	switch e.(type) {
	case ha.OpenGate, ha.CloseGate:
		u.startFaultAt(AfterGate)
	default:
	}
}

func (u *unit) hostError() error {
	if u.world.now < u.hostFailsUntil && u.noise.chance(u.hostFails) {
		return errHost
	}
	return nil
}

// tellNewest gives the process a fact of which only the newest of its kind matters, as replication does: a process that
// is slow sees how things are and not how they came to be.
func (u *unit) tellNewest(f ha.Fact) {
	if u.noise.chance(50) {
		for i := len(u.inbox.list) - 1; i >= u.inbox.head; i-- {
			if subjectOf(u.inbox.list[i]) == subjectOf(f) {
				u.inbox.list = append(u.inbox.list[:i], u.inbox.list[i+1:]...)
				break
			}
		}
	}
	u.deliver(f)
}

func subjectOf(f ha.Fact) int {
	switch f.(type) {
	case ha.PeerConnected, ha.PeerDisconnected:
		return 1
	case ha.SyncChanged:
		return 2
	case ha.PeerRelinquished:
		return 3
	default:
		return 0
	}
}
