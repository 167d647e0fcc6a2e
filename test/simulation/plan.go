package simulation

import (
	"fmt"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// Plan is all that a run is made of.
type Plan struct {
	// Seed is what the plan was drawn from, and Noise what the run's remaining chance is drawn from.
	Seed, Noise uint64
	// Drill is what the run's only fault is held to.
	Drill Drill
	Units [2]Settings
	// Delays bounds what nothing is wrong with.
	Delays Delays
	// LeaseAppears is when the operator makes the Lease.
	LeaseAppears time.Duration
	// TroubleEnds is when the last fault is over that does not wait for a process to come back.
	TroubleEnds time.Duration
	Faults      []Fault
	// kept has the numbers of the faults that are left of those that were drawn.
	kept []int
}

// Settings are those of one unit.
type Settings struct {
	// Machine has everything but the incarnation.
	Machine ha.Config
	// Drift is how much faster its clock runs than true time, in parts of a million, and Offset what it shows first.
	Drift  int64
	Offset time.Duration
	// Starts is when its first process does.
	Starts time.Duration
}

// Delays is how long things take at the most while nothing is wrong.
type Delays struct {
	// Net is one way between the units, API one way between a unit and the API server.
	Net, API time.Duration
	// Host is an effect on the host, Commit that on the state, Wake how late a process wakes.
	Host, Commit, Wake time.Duration
	// Silence is how long an end of a session waits for the other, Redial how often a connection is tried, Snapshot how
	// long it takes to bring the standby in sync.
	Silence, Redial, Snapshot time.Duration
}

// maxDrift is how far the rates of the two clocks are apart at the most, in parts of a million of the slower one.
const maxDrift = 10_000

// Draw makes the plan of a seed.
func Draw(seed uint64) Plan {
	n := &noise{}
	n.seed(seed, 0x706c616e)
	p := Plan{Seed: seed, Noise: seed}
	p.drawUnits(n)
	p.drawClocks(n, maxDrift)
	p.drawDelays(n)
	if n.chance(30) {
		p.drawDrill(n)
	} else {
		p.drawTrouble(n)
	}
	for i := range p.Faults {
		p.kept = append(p.kept, i)
	}
	return p
}

func (p *Plan) drawUnits(n *noise) {
	c := ha.Config{
		HeartbeatInterval: pick[time.Duration](n, 20, 50, 100, 100) * time.Millisecond,
		MissedHeartbeats:  pick(n, 2, 3, 3, 3, 4),
		LeaseDuration:     pick[time.Duration](n, 1500, 1500, 1500, 2500) * time.Millisecond,
		Damping:           n.between(100*time.Millisecond, 800*time.Millisecond),
		Isolation:         ha.Fence,
	}
	detect := c.HeartbeatInterval * time.Duration(c.MissedHeartbeats)
	c.Grant = detect + n.between(100*time.Millisecond, 250*time.Millisecond).Round(10*time.Millisecond)
	if n.chance(12) {
		c.Isolation = ha.KeepForwarding
	}
	if n.chance(15) {
		c.Preemption = ha.Preemption{Enabled: true, Delay: n.between(200*time.Millisecond, 1500*time.Millisecond)}
	}
	for i := range p.Units {
		p.Units[i].Machine = c
		p.Units[i].Starts = n.upTo(time.Second)
	}
	p.Units[0].Machine.Preferred = true
	if n.chance(25) { // A rolling change of the settings is under way.
		p.Units[n.below(2)].Machine = otherSettings(n, p.Units[0].Machine)
		p.Units[0].Machine.Preferred, p.Units[1].Machine.Preferred = true, false
	}
	if n.chance(5) {
		p.LeaseAppears = n.upTo(time.Second)
	}
}

// otherSettings returns different settings that are valid by themselves: a grant is at most half of the lease.
func otherSettings(n *noise, c ha.Config) ha.Config {
	c.HeartbeatInterval *= pick[time.Duration](n, 1, 1, 2)
	c.LeaseDuration += pick[time.Duration](n, 0, 1000, 2500) * ms
	detect := c.HeartbeatInterval * time.Duration(c.MissedHeartbeats)
	c.Grant = (detect + n.between(100*ms, max(150*ms, c.LeaseDuration/2-detect))).Round(10 * ms)
	return c
}

// drawClocks sets the rates. In half of the plans they are as far apart as they may be.
func (p *Plan) drawClocks(n *noise, apart int64) {
	slow, fast := &p.Units[0], &p.Units[1]
	if n.chance(50) {
		slow, fast = fast, slow
	}
	slow.Drift = -n.below(apart)
	if n.chance(50) {
		apart = n.below(apart)
	}
	fast.Drift = (million+slow.Drift)*(million+apart)/million - million
	for i := range p.Units {
		p.Units[i].Offset = time.Minute + n.upTo(100*time.Hour)
	}
}

func (p *Plan) drawDelays(n *noise) {
	p.Delays = Delays{
		Net:      pick[time.Duration](n, 300, 1000, 3000) * time.Microsecond,
		API:      pick[time.Duration](n, 2, 10, 45) * time.Millisecond,
		Host:     pick[time.Duration](n, 100, 1000) * time.Microsecond,
		Commit:   pick[time.Duration](n, 1, 5) * time.Millisecond,
		Wake:     pick[time.Duration](n, 50, 1000) * time.Microsecond,
		Silence:  n.between(300*time.Millisecond, 1500*time.Millisecond),
		Redial:   n.between(20*time.Millisecond, 150*time.Millisecond),
		Snapshot: n.between(5*ms, 300*ms),
	}
	if n.chance(10) {
		p.Delays.Snapshot = n.between(second, 2500*ms)
	}
}

// drawTrouble fills the plan with faults. They come in bursts, since it takes several at a time to break something.
func (p *Plan) drawTrouble(n *noise) {
	p.TroubleEnds = 5500 * time.Millisecond
	if p.Units[0].Machine.HeartbeatInterval < 100*time.Millisecond {
		p.TroubleEnds = 4500 * time.Millisecond
	}
	burst := n.between(time.Second, p.TroubleEnds)
	weights := drawWeights(n)
	anchor := p.drawAnchor(n)
	for range 1 + n.below(10) {
		f := drawFault(n, &weights)
		switch {
		case anchor.After != Beginning && n.chance(60):
			f.After, f.Nth = anchor.After, anchor.Nth
			f.At = n.upTo(pick[time.Duration](n, 1, 30, 300, 1500) * ms)
		case n.chance(35):
			f.After, f.Nth = Milestone(1+n.below(int64(milestones-1))), 1+int(n.below(3))
			f.At = n.upTo(pick[time.Duration](n, 1, 30, 500) * ms)
		case n.chance(60):
			f.At = max(0, burst+n.between(-400*ms, 400*ms))
		default:
			f.At = n.upTo(p.TroubleEnds)
		}
		p.Faults = append(p.Faults, f)
	}
}

// drawAnchor draws, for some plans, a milestone that most of the faults follow: what two units can do to each other in
// the middle of a handover takes several faults within a few milliseconds. A handover needs somebody who wants it.
func (p *Plan) drawAnchor(n *noise) Fault {
	if !n.chance(35) {
		return Fault{}
	}
	f := Fault{After: Milestone(1 + n.below(int64(milestones-1))), Nth: 1 + int(n.below(2))}
	switch f.After {
	case HandedOver, Flushing, Relinquished, Closed:
		var only [kinds]int
		only[pick(n, Stop, Stop, Health, Health, Request)] = 1
		cause := drawFault(n, &only)
		cause.Target, cause.At = TheActive, n.between(second, 3*second)
		cause.Length += second
		p.Faults, f.Nth = append(p.Faults, cause), 1
	default:
	}
	return f
}

// drawWeights draws how likely each kind is. Most plans have only a few kinds: what needs two or three faults of
// certain kinds to break would seldom be drawn from all.
func drawWeights(n *noise) (weights [kinds]int) {
	for k, info := range kindTable {
		weights[k] = info.weight
	}
	if n.chance(30) {
		return weights
	}
	all := weights
	weights = [kinds]int{}
	for range 2 + n.below(4) {
		k := drawKind(n, &all)
		weights[k] = all[k]
	}
	return weights
}

func drawKind(n *noise, weights *[kinds]int) Kind {
	sum := 0
	for _, weight := range weights {
		sum += weight
	}
	at, k := int(n.below(int64(sum))), Kind(0)
	for at >= weights[k] {
		at -= weights[k]
		k++
	}
	return k
}

// drawFault draws a fault with everything but its time.
func drawFault(n *noise, weights *[kinds]int) Fault {
	k := drawKind(n, weights)
	info := kindTable[k]
	f := Fault{Kind: k}
	switch {
	case !info.side:
	case info.both && n.chance(40):
		f.Target = Both
	default:
		f.Target = Target(n.below(4))
	}
	if info.points && n.chance(60) {
		f.Point = Point(1 + n.below(int64(points-1)))
	}
	// Mostly short: what is over soon meets the next fault in the middle of its consequences.
	f.Length = n.upTo(n.upTo(info.length)) + time.Millisecond
	if n.chance(40) {
		f.Length = n.upTo(info.length) + time.Millisecond
	}
	if info.amount != 0 {
		f.Amount = n.upTo(info.amount) + time.Millisecond
	}
	if info.percent {
		f.Percent = pick(n, 10, 30, 60, 100)
	}
	switch k {
	case Stop: // A stop that is shorter than what the machine keeps in reserve releases the Lease at once.
		f.Amount = pick[time.Duration](n, 5500, 5500, 6000, 2000) * time.Millisecond
	case Health: // Which monitor it is.
		f.Percent = int(n.below(3))
	default:
	}
	return f
}

// String returns the plan for people.
func (p Plan) String() string {
	var b strings.Builder
	c := p.Units[0].Machine
	fmt.Fprintf(&b, "seed %d, noise %d", p.Seed, p.Noise)
	if p.Drill != NoDrill {
		fmt.Fprintf(&b, ", drill %q", p.Drill)
	}
	fmt.Fprintf(&b, "\n  heartbeat %s × %d, damping %s", c.HeartbeatInterval, c.MissedHeartbeats, c.Damping)
	if c.Isolation == ha.KeepForwarding {
		b.WriteString(", KeepForwarding")
	}
	if c.Preemption.Enabled {
		fmt.Fprintf(&b, ", preemption after %s", c.Preemption.Delay)
	}
	w := p.Delays
	fmt.Fprintf(&b, "\n  at most: net %s, API %s, host %s, commit %s, wake %s, silence %s, redial %s, snapshot %s",
		w.Net, w.API, w.Host, w.Commit, w.Wake, w.Silence, w.Redial, w.Snapshot)
	for i, u := range p.Units {
		fmt.Fprintf(&b, "\n  %s: grant %s, lease %s, drift %d ppm, starts at %s",
			Target(i), u.Machine.Grant, u.Machine.LeaseDuration, u.Drift, u.Starts)
	}
	if p.LeaseAppears != 0 {
		fmt.Fprintf(&b, "\n  the Lease appears at %s", p.LeaseAppears)
	}
	for i, f := range p.Faults {
		fmt.Fprintf(&b, "\n  fault %d: %s", p.kept[i], f)
	}
	b.WriteByte('\n')
	return b.String()
}
