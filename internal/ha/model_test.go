package ha

import (
	"container/heap"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

var seed = flag.Uint64("seed", 0, "play this one run of the model instead of many")

const (
	modelLease = 3 * time.Second
	modelRuns  = 400
	// troubleEnds is when the faults cease, and runEnds when one unit must be active again: by then a unit that was
	// asked to stop at the very end has exited, and the lease that it may have left was waited out.
	troubleEnds = 40 * time.Second
	runEnds     = troubleEnds + 8*modelLease
)

// TestTwoUnits plays two machines against a Lease under random faults: lost and late answers, a watch that lags and
// stutters, cut links, pauses between a decision and its effect, crashes, restarts and switchovers, clocks that run
// apart. Never are two gates open at one instant, and when the trouble is over one is.
func TestTwoUnits(t *testing.T) {
	promoted, handedOver := 0, 0
	for n := range uint64(modelRuns) {
		n++
		if *seed != 0 {
			n = *seed
		}
		w := newWorld(n, mutation{})
		w.run()
		if w.violation != "" {
			t.Fatalf("seed %d: %s", n, w.violation)
		}
		if !w.units[0].open() && !w.units[1].open() {
			t.Fatalf("seed %d: nobody is active %s after the last fault", n, runEnds-troubleEnds)
		}
		promoted += w.openings
		handedOver += w.grants
		if *seed != 0 {
			break
		}
	}
	t.Logf("%d runs, %d promotions, %d grants", modelRuns, promoted, handedOver)
	if *seed == 0 && (promoted < 2*modelRuns || handedOver < modelRuns/4) {
		t.Error("the model no longer exercises takeovers and switchovers")
	}
}

// TestModelCatches breaks one rule at a time. Each must be seen by the model, or the model proves nothing.
func TestModelCatches(t *testing.T) {
	for name, m := range map[string]mutation{
		"a record aged from before it was seen": {machine: func(before, after Machine) Machine {
			if after.lease.seenAt != before.lease.seenAt {
				after.lease.seenAt -= modelLease / 2
			}
			return after
		}},
		"clocks further apart than allowed": {drift: 3 * drift},
		"an heir that does not wait for the grant": {machine: func(_, after Machine) Machine {
			after.tenure.fencedAt = 0
			return after
		}},
		"a permit counted from the answer": {machine: func(before, after Machine) Machine {
			if after.permit.Deadline > before.permit.Deadline {
				after.permit.Deadline = after.now + modelLease
			}
			return after
		}},
		"a permit that does not end": {machine: func(_, after Machine) Machine {
			after.host.until += time.Hour
			return after
		}, relative: true},
		"a lost answer taken for a good one": {trusting: true},
		"a grant before the gate is closed":  {earlyGrant: true},
		"a gate with a relative timer":       {relative: true},
		"a gate that only says it is closed": {lyingGate: true},
		"a Lease without compare-and-swap":   {noSwap: true},
	} {
		t.Run(name, func(t *testing.T) {
			for n := range uint64(40 * modelRuns) {
				w := newWorld(n+1, m)
				w.run()
				if w.violation != "" {
					t.Logf("seed %d: %s", n+1, w.violation)
					return
				}
			}
			t.Error("not seen")
		})
	}
}

// mutation is a rule that is broken on purpose.
type mutation struct {
	machine                                           func(before, after Machine) Machine
	trusting, earlyGrant, relative, lyingGate, noSwap bool
	// drift replaces the bound on the clocks, in parts of a hundred.
	drift float64
}

// world is two units, the API server and true time.
type world struct {
	rng       *rand.Rand
	mutation  mutation
	now       time.Duration
	events    agenda
	order     int
	units     [2]*unit
	lease     Record
	versions  int
	linkCut   time.Duration
	openings  int
	grants    int
	violation string
}

// unit is a node with its kernel, and the process on it.
type unit struct {
	world *world
	index int
	// rate is how fast its boot clock runs.
	rate float64
	// gateUntil is the kernel's deadline, by the unit's own clock; it outlives the process.
	gateUntil time.Duration
	apiCut    time.Duration
	lives     int

	alive       bool
	self        Incarnation
	machine     Machine
	pausedUntil time.Duration
	// todo is what the process does next, in order; one thing at a time.
	todo    []func()
	pumping bool
	seenAt  time.Duration
	wakeAt  time.Duration
	session Incarnation
}

func newWorld(n uint64, m mutation) *world {
	w := &world{rng: rand.New(rand.NewPCG(n, 7)), mutation: m, lease: Record{Version: "0"}}
	fast := w.rng.IntN(2)
	for i := range w.units {
		w.units[i] = &unit{world: w, index: i, rate: 1}
	}
	w.units[fast].rate += max(drift, m.drift) / 100 * max(w.rng.Float64(), w.rng.Float64(), float64(w.rng.IntN(2)))
	for _, u := range w.units {
		w.after(w.upTo(time.Second), u.start)
	}
	w.planTrouble()
	w.linkTick()
	return w
}

func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.rng.Int64N(int64(d))) }

// latency is short mostly and long sometimes.
func (w *world) latency(mean time.Duration) time.Duration {
	d := time.Duration(w.rng.ExpFloat64() * float64(mean))
	if w.now < troubleEnds && w.rng.IntN(50) == 0 {
		d += w.upTo(modelLease)
	}
	return d
}

func (w *world) after(d time.Duration, do func()) {
	w.order++
	heap.Push(&w.events, appointment{at: w.now + d, order: w.order, do: do})
}

func (w *world) run() {
	for len(w.events) > 0 && w.violation == "" {
		next := heap.Pop(&w.events).(appointment)
		if next.at > runEnds {
			return
		}
		w.now = next.at
		next.do()
	}
}

// planTrouble lays out the faults of the run. Each unit comes back at the latest when the trouble ends.
func (w *world) planTrouble() {
	for range 4 + w.rng.IntN(12) {
		at, length := w.upTo(troubleEnds), w.upTo(2*modelLease)
		until := min(at+length, troubleEnds)
		u := w.units[w.rng.IntN(2)]
		kind := w.rng.IntN(7)
		w.after(at, func() {
			switch kind {
			case 0:
				u.crash(until)
			case 1, 2:
				u.deliver(StopRequested{Deadline: u.clock() + 4*modelLease})
			case 3:
				u.apiCut = until
			case 4:
				w.units[0].apiCut, w.units[1].apiCut = until, until
			case 5:
				w.linkCut = until
			case 6:
				u.pausedUntil = until
			}
		})
	}
}

// linkTick keeps the replication session between two processes that live and can reach each other.
func (w *world) linkTick() {
	a, b := w.units[0], w.units[1]
	up := a.alive && b.alive && w.now >= w.linkCut
	a.attend(up, b)
	b.attend(up, a)
	w.after(50*time.Millisecond, w.linkTick)
}

func (u *unit) attend(up bool, other *unit) {
	want := Nobody
	if up {
		want = other.self
	}
	if u.session == want || !u.alive {
		return
	}
	u.session = want
	if !up {
		u.deliver(PeerDisconnected{})
		return
	}
	u.deliver(PeerConnected{Incarnation: want})
	u.later(u.world.latency(100*time.Millisecond), func() { u.deliver(SyncChanged{InSync: true}) })
}

func (u *unit) clock() time.Duration { return time.Duration(float64(u.world.now) * u.rate) }

// open tells whether the kernel lets traffic through now.
func (u *unit) open() bool { return u.clock() < u.gateUntil }

func (u *unit) start() {
	if u.alive {
		return
	}
	u.lives++
	u.alive, u.todo, u.pumping, u.session, u.wakeAt = true, nil, false, Nobody, 0
	u.self = Incarnation(fmt.Sprintf("unit%d/%d", u.index, u.lives))
	u.machine = New(Config{Self: u.self, Preferred: u.index == 0, LeaseDuration: modelLease})
	u.deliver(Tick{})
	u.deliver(FirewallReported{InForce: true})
	u.resync()
}

// crash ends the process where it stands; its kernel stays.
func (u *unit) crash(until time.Duration) {
	if !u.alive {
		return
	}
	u.alive = false
	u.world.after(max(until-u.world.now, 0)+time.Millisecond, u.start)
}

// later does something for this life of the process.
func (u *unit) later(d time.Duration, do func()) {
	life := u.lives
	u.world.after(d, func() {
		if u.alive && u.lives == life {
			do()
		}
	})
}

// resync is the watch's plain read now and then.
func (u *unit) resync() {
	if u.world.now >= u.apiCut {
		r := u.world.lease
		u.later(u.world.latency(5*time.Millisecond), func() { u.deliver(LeaseSeen{Record: r}) })
	}
	u.later(modelLease, u.resync)
}

// deliver queues a fact for the machine.
func (u *unit) deliver(fact Fact) {
	if !u.alive {
		return
	}
	u.todo = append(u.todo, func() { u.take(fact) })
	u.pump()
}

func (u *unit) take(fact Fact) {
	at := u.clock()
	before := u.machine
	after, effects := before.Step(Event{At: at, Fact: fact})
	if u.world.mutation.machine != nil {
		after = u.world.mutation.machine(before, after)
	}
	u.machine = after
	next := make([]func(), 0, len(effects)+len(u.todo))
	for _, e := range effects {
		next = append(next, func() { u.execute(e, at) })
	}
	u.todo = append(next, u.todo...)
	u.wakeUp()
}

func (u *unit) wakeUp() {
	wake := u.machine.Wake()
	if wake == 0 || wake == u.wakeAt {
		return
	}
	u.wakeAt = wake
	in := time.Duration(float64(wake-u.clock())/u.rate) + time.Microsecond
	u.later(max(in, 0), func() {
		if u.wakeAt == wake {
			u.wakeAt = 0
			u.deliver(Tick{})
		}
	})
}

// pump works the queue off, with a pause here and there: a process can stand still between any two instructions.
func (u *unit) pump() {
	if u.pumping {
		return
	}
	u.pumping = true
	defer func() { u.pumping = false }()
	for u.alive && len(u.todo) > 0 {
		if u.world.now < troubleEnds && u.world.rng.IntN(400) == 0 {
			u.pausedUntil = max(u.pausedUntil, u.world.now+u.world.upTo(2*modelLease))
		}
		if u.world.now < u.pausedUntil {
			u.later(u.pausedUntil-u.world.now, u.pump)
			return
		}
		do := u.todo[0]
		u.todo = u.todo[1:]
		do()
	}
}

func (u *unit) execute(e Effect, decided time.Duration) {
	w := u.world
	switch e := e.(type) {
	case ReadLease:
		u.call(e.ID, nil)
	case WriteLease:
		u.call(e.ID, &e.Record)
	case OpenGate:
		u.openGate(e, decided)
	case CloseGate:
		if !w.mutation.lyingGate {
			u.gateUntil = 0
		}
		u.deliver(EffectDone{ID: e.ID})
	case AttachAddresses:
		u.deliver(EffectDone{ID: e.ID})
	case WithdrawAddresses:
		u.deliver(EffectDone{ID: e.ID})
	case Announce:
		u.deliver(EffectDone{ID: e.ID})
	case Verify:
		u.deliver(EffectDone{ID: e.ID})
	case CommitState:
		u.later(w.latency(time.Millisecond), func() { u.deliver(EffectDone{ID: e.ID}) })
	case Flush:
		if w.mutation.earlyGrant {
			u.sendGrant(u.machine.Term() + 1)
		}
		u.later(w.latency(time.Millisecond), func() { u.deliver(EffectDone{ID: e.ID, Err: u.linkError()}) })
	case Grant:
		u.sendGrant(e.Term)
		u.later(w.latency(time.Millisecond), func() { u.deliver(EffectDone{ID: e.ID, Err: u.linkError()}) })
	case Exit:
		u.crash(min(w.now+w.upTo(2*modelLease), max(troubleEnds, w.now)))
	case Become:
	}
}

func (u *unit) linkError() error {
	if u.session == Nobody {
		return errors.New("no session")
	}
	return nil
}

func (u *unit) sendGrant(term uint64) {
	other := u.world.units[1-u.index]
	if u.session == Nobody || other.self != u.session {
		return
	}
	u.world.grants++
	other.later(u.world.latency(time.Millisecond), func() { other.deliver(GrantReceived{Term: term}) })
}

func (u *unit) openGate(e OpenGate, decided time.Duration) {
	w := u.world
	until := e.Until
	if w.mutation.relative {
		until = u.clock() + e.Until - decided
	}
	if u.clock() >= until {
		u.deliver(EffectDone{ID: e.ID, Err: errors.New("too late")})
		return
	}
	if !u.open() {
		w.openings++
	}
	u.gateUntil = until
	if other := w.units[1-u.index]; other.open() {
		w.violation = fmt.Sprintf("at %s unit %d opens until %s of its clock (%s), while unit %d is open until %s (%s)",
			w.now, u.index, until, u.clock(), other.index, other.gateUntil, other.clock())
	}
	u.deliver(EffectDone{ID: e.ID})
}

// call is a request to the API server: it may be lost on its way there or back, or be late either way.
func (u *unit) call(id uint64, write *Record) {
	w := u.world
	answered := false
	finish := func(a LeaseAnswered) {
		if !answered {
			answered = true
			a.ID = id
			u.deliver(a)
		}
	}
	u.later(modelLease/3, func() {
		if w.mutation.trusting && write != nil {
			finish(LeaseAnswered{Outcome: Written, Record: *write})
			return
		}
		finish(LeaseAnswered{Outcome: Unknown})
	})
	if w.now < u.apiCut {
		return
	}
	w.after(w.latency(3*time.Millisecond), func() { // The request is on its way even if the process dies.
		a := w.serve(write)
		if w.now >= u.apiCut && (w.now >= troubleEnds || w.rng.IntN(30) != 0) {
			u.later(w.latency(3*time.Millisecond), func() { finish(a) })
		}
	})
}

// serve is the API server.
func (w *world) serve(write *Record) LeaseAnswered {
	if write == nil {
		return LeaseAnswered{Outcome: Read, Record: w.lease}
	}
	if write.Version != w.lease.Version && !w.mutation.noSwap {
		return LeaseAnswered{Outcome: Conflict}
	}
	old := w.lease
	w.versions++
	w.lease = *write
	w.lease.Version = fmt.Sprint(w.versions)
	for _, u := range w.units {
		u.watch(w.lease)
		if w.rng.IntN(20) == 0 {
			u.later(w.latency(modelLease), func() { u.deliver(LeaseSeen{Record: old}) }) // A straggler.
		}
	}
	return LeaseAnswered{Outcome: Written, Record: w.lease}
}

// watch sends a record to the unit, in order, unless the watch is broken.
func (u *unit) watch(r Record) {
	if u.world.now < u.apiCut || u.world.now < troubleEnds && u.world.rng.IntN(20) == 0 {
		return
	}
	u.seenAt = max(u.seenAt, u.world.now+u.world.latency(5*time.Millisecond))
	u.later(u.seenAt-u.world.now, func() { u.deliver(LeaseSeen{Record: r}) })
}

// agenda is what happens when, in order.
type agenda []appointment

type appointment struct {
	at    time.Duration
	order int
	do    func()
}

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].order < a[j].order
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(appointment)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
