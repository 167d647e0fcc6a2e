package simulation

import (
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// situation is what was when the drill's fault began.
type situation struct {
	noted bool
	// paired is set when the Lease named both units, and the gate was open.
	paired bool
	at     time.Duration
	unit   int
	opened int
	writes int
}

// noteFault notes what the drill's fault meets, which is the last of the plan.
func (j *judge) noteFault(f *Fault) {
	w := j.world
	if w.plan.Drill == NoDrill || j.before.noted || f != &w.plan.Faults[len(w.plan.Faults)-1] {
		return
	}
	a := w.active()
	r := &w.server.record
	j.before = situation{
		noted: true, at: w.now, unit: a.index, opened: len(j.opened), writes: w.server.writes,
		paired: a.gate.open(w.now) && r.Holder == a.self && r.Standby == a.other().self,
	}
}

// judgeDrill holds the run to what its drill promises.
func (j *judge) judgeDrill() {
	w := j.world
	s := &j.before
	info := drillTable[w.plan.Drill]
	if !s.noted || !s.paired {
		return // Some other trouble came before it; the coverage shows if that happens too often.
	}
	after := j.opened[s.opened:]
	if !w.units[0].gate.open(w.now) && !w.units[1].gate.open(w.now) {
		j.fail(AsPromised, "%s: no gate is open at the end", info.name)
		return
	}
	switch info.outcome {
	case staysUp:
		j.expect(after, 0)
	case keepsForwarding:
		j.expectNoGap(w.plan.failover())
		j.expectNoGapUntil(s.at+w.plan.Faults[0].Length, 0)
	case failsOver:
		j.expect(after, w.plan.failover(), ha.CauseSilence)
	case staysOrFailsOver:
		if len(after) == 0 {
			j.expect(after, 0)
			return
		}
		j.expect(after, w.plan.failover(), ha.CauseSilence)
	case switchesOver:
		j.expect(after, w.plan.switchover(), info.cause)
	case failsAndReturns:
		j.expect(after, w.plan.failover(), ha.CauseSilence, info.cause)
	case comesBack:
		j.expectBack(after, w.plan.revival())
	case resumes:
		j.expectBack(after, w.plan.resumption())
	}
	if w.plan.Drill == Quiet {
		j.expectFewWrites()
	}
}

// expect wants the promotions to be for the causes, and no time without an open gate to be longer than the bound. The
// time of a failover is counted from the fault, since the gate of what has failed is of no use.
func (j *judge) expect(after []opening, bound time.Duration, causes ...ha.Cause) {
	w := j.world
	for i, o := range after {
		if i >= len(causes) || o.cause != causes[i] {
			j.failAt(o.at, AsPromised, "%s: %s is promoted for %s in term %d",
				w.plan.Drill, Target(o.unit), o.cause, o.term)
			return
		}
	}
	if len(after) != len(causes) {
		j.fail(AsPromised, "%s: nobody is promoted for %s", w.plan.Drill, causes[len(after)])
		return
	}
	j.expectNoGap(bound)
	switch drillTable[w.plan.Drill].outcome {
	case failsOver, failsAndReturns:
		if took := after[0].at - j.before.at; took > bound {
			j.failAt(after[0].at, AsPromised, "%s: the other unit is active %s later, which is more than %s",
				w.plan.Drill, took, bound)
		}
	case staysUp, keepsForwarding, staysOrFailsOver, switchesOver, comesBack, resumes:
	}
	if drillTable[w.plan.Drill].outcome == failsAndReturns {
		j.expectQuickReturn()
	}
}

// expectBack wants nobody but the active to open, within the bound after it stood still.
func (j *judge) expectBack(after []opening, bound time.Duration) {
	w, s := j.world, &j.before
	for _, o := range after {
		if o.unit != s.unit {
			j.failAt(o.at, AsPromised, "%s: %s is promoted for %s", w.plan.Drill, Target(o.unit), o.cause)
			return
		}
	}
	fault := w.plan.Faults[len(w.plan.Faults)-1]
	j.expectNoGap(fault.Length + fault.Amount + bound)
}

// expectNoGap wants no time without an open gate to be longer than the bound.
func (j *judge) expectNoGap(bound time.Duration) { j.expectNoGapUntil(never, bound) }

// expectNoGapUntil looks at those that begin before the instant.
func (j *judge) expectNoGapUntil(end, bound time.Duration) {
	for _, g := range j.gaps {
		if g.from < end && g.to > j.before.at && g.to-max(g.from, j.before.at) > bound {
			j.failAt(g.to, AsPromised, "%s: no gate is open from %s to %s, which is %s and more than %s",
				j.world.plan.Drill, g.from, g.to, g.to-g.from, bound)
		}
	}
}

// expectQuickReturn wants the last gap to be that of a switchover.
func (j *judge) expectQuickReturn() {
	w := j.world
	back := j.opened[len(j.opened)-1]
	for _, g := range j.gaps {
		if g.to == back.at && g.to-g.from > w.plan.switchover() {
			j.failAt(g.to, AsPromised, "%s: the return takes %s, which is more than %s",
				w.plan.Drill, g.to-g.from, w.plan.switchover())
		}
	}
}

// expectFewWrites wants a pair that is left alone to write the Lease seldom: once for the report of the promotion, and
// then a little before the lease would be over.
func (j *judge) expectFewWrites() {
	w := j.world
	allowed := 3 + int((w.now-j.before.at)/(w.plan.Units[0].Machine.LeaseDuration/2))
	if wrote := w.server.writes - j.before.writes; wrote > allowed {
		j.fail(AsPromised, "%s: the Lease is written %d times in %s", w.plan.Drill, wrote, w.now-j.before.at)
	}
}

// rates returns the longest true time that a clock can show as d.
func rates(d time.Duration) time.Duration { return d + d/90 }

// failover returns the longest time from the fault until the other unit is active. It waits out its own grant. If that
// takes longer, it takes the Lease, twice if a write of the former active was still on its way.
func (p *Plan) failover() time.Duration {
	c, w := &p.Units[0].Machine, &p.Delays
	detect := c.HeartbeatInterval * time.Duration(c.MissedHeartbeats)
	taken := detect + 2*c.HeartbeatInterval + 7*w.API
	return rates(max(outlast(c.Grant), taken)) + w.Net + w.Commit + 3*w.Host + 4*w.Wake + ms
}

// revival returns the longest time until a fenced unit is active again while the API server does not answer it. It has
// given up its request, and the other unit too, if that requested the Lease.
func (p *Plan) revival() time.Duration {
	c, w := &p.Units[0].Machine, &p.Delays
	asked := c.LeaseDuration/3 + max(c.LeaseDuration/10, 100*ms)
	return rates(asked+2*c.HeartbeatInterval) + 2*w.Net + w.Commit + 6*w.Host + 6*w.Wake + ms
}

// resumption returns the longest time until an active that stood still is active again. It retreats, takes the Lease
// back, twice if a write from before the pause was still under way, and is promoted.
func (p *Plan) resumption() time.Duration {
	c, w := &p.Units[0].Machine, &p.Delays
	return rates(4*w.API+c.HeartbeatInterval) + 2*w.Net + w.Commit + 8*w.Host + 6*w.Wake + ms
}

// switchover returns the longest time without an open gate. The gate is closed, the addresses are withdrawn, the latest
// changes are sent, and the role is relinquished. Then the state is committed and the other gate opened.
func (p *Plan) switchover() time.Duration {
	w := &p.Delays
	return rates(3*w.Net+w.Commit+6*w.Host+2*w.Wake) + ms
}
