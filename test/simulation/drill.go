package simulation

import (
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// Drill is a run with one fault, which hits a whole pair, and is held to what is promised for that fault.
type Drill uint8

// The drills.
const (
	// NoDrill is a run with any faults, which is held to the rules alone.
	NoDrill Drill = iota
	Quiet
	ActivePowerOff
	ActiveKilled
	ActivePaused
	ActiveMachineStopped
	ActiveIsolated
	ActiveIsolatedKeeps
	StandbyPowerOff
	StandbyKilled
	StandbyPaused
	StandbyMachineStopped
	StandbyIsolated
	StandbyStopped
	StandbyOutOfSync
	APIAway
	APIAwayForActive
	APIAwayForStandby
	APISlow
	APILosesAnswers
	APILate
	WatchBroken
	WatchStale
	LeaseTouched
	UnitsCut
	UnitsCutSlowly
	HeartbeatsLost
	HeartbeatsDelayed
	HeartbeatsRepeated
	SessionBroken
	ActiveStopped
	ActiveStoppedStale
	ActiveUnhealthy
	ActiveFirewallOut
	PreferredReturns
	SwitchoverRequested
	SwitchoverRequestedPaused
	ActivePausedAPIAway
	BothPaused
	TermChanged

	drills = int(TermChanged) + 1
)

// outcome is what is promised.
type outcome uint8

const (
	// staysUp: the gate of the active is not closed for an instant, and nobody else is promoted.
	staysUp outcome = iota
	// keepsForwarding: the gate of the active is not closed for an instant while the fault lasts, even if
	// the other unit is promoted. That one then waits for the end of its grant.
	keepsForwarding
	// failsOver: the other unit is promoted for silence, within the grant, its margin, and what the steps take.
	failsOver
	// staysOrFailsOver: it stays up, or fails over.
	staysOrFailsOver
	// switchesOver: the other unit is promoted for the drill's cause, within a few round trips.
	switchesOver
	// failsAndReturns: the preferred unit fails over, and gets its role back by a switchover.
	failsAndReturns
	// comesBack: the active opens again, by the word of its peer alone.
	comesBack
	// resumes: the active opens again after it stood still, and nobody else is promoted.
	resumes
)

// drillInfo is how a drill is drawn and judged.
type drillInfo struct {
	name    string
	outcome outcome
	kind    Kind
	// target is Primary for a kind that hits no single unit.
	target Target
	// from and to bound the fault's length.
	from, to time.Duration
	extra
}

// extra is what only some drills have: the fault's amount and percent, and the cause of a switchover.
type extra struct {
	cause   ha.Cause
	amount  time.Duration
	percent int
}

var drillTable = [drills]drillInfo{
	NoDrill:        {name: "none"},
	Quiet:          {"nothing happens", staysUp, Touch, Primary, 0, 0, extra{}},
	ActivePowerOff: {"active loses its power", failsOver, PowerOff, TheActive, ms, 3 * second, extra{}},
	ActiveKilled:   {"active is killed", failsOver, Kill, TheActive, ms, 3 * second, extra{}},
	ActivePaused:   {"active stands still", failsOver, Pause, TheActive, 1500 * ms, 4 * second, extra{}},
	ActiveMachineStopped: {
		"active's machine is stopped", failsOver, StopMachine, TheActive, 1500 * ms, 4 * second, extra{},
	},
	ActiveIsolated: {
		"active is cut from everybody", failsOver, Isolate, TheActive, 1500 * ms, 4 * second, extra{},
	},
	ActiveIsolatedKeeps: {
		"active is cut from everybody and keeps forwarding", keepsForwarding, Isolate, TheActive, ms, 4 * second, extra{},
	},
	StandbyPowerOff:       {"standby loses its power", staysUp, PowerOff, TheStandby, ms, 3 * second, extra{}},
	StandbyKilled:         {"standby is killed", staysUp, Kill, TheStandby, ms, 3 * second, extra{}},
	StandbyPaused:         {"standby stands still", staysUp, Pause, TheStandby, ms, 4 * second, extra{}},
	StandbyMachineStopped: {"standby's machine is stopped", staysUp, StopMachine, TheStandby, ms, 4 * second, extra{}},
	StandbyIsolated:       {"standby is cut from everybody", staysUp, Isolate, TheStandby, ms, 4 * second, extra{}},
	StandbyStopped:        {"standby is stopped", staysUp, Stop, TheStandby, ms, second, extra{amount: 6 * second}},
	StandbyOutOfSync:      {"standby is out of sync", staysUp, OutOfSync, Primary, ms, 4 * second, extra{}},
	APIAway:               {"API server is away", staysUp, CutAPI, Both, ms, 5 * second, extra{}},
	APIAwayForActive:      {"API server is away for the active", staysUp, CutAPI, TheActive, ms, 5 * second, extra{}},
	APIAwayForStandby: {
		"API server is away for the standby", staysUp, CutAPI, TheStandby, ms, 5 * second, extra{},
	},
	APISlow: {"API server is slow", staysUp, SlowAPI, Both, ms, 4 * second, extra{amount: 2 * second}},
	APILosesAnswers: {
		"API server's answers are lost", staysUp, LoseAnswers, Both, ms, 4 * second,
		extra{percent: 100},
	},
	APILate:      {"writes land late", staysUp, LateWrites, Both, ms, 4 * second, extra{amount: 2 * second}},
	WatchBroken:  {"watch is broken", staysUp, BreakWatch, Both, ms, 4 * second, extra{}},
	WatchStale:   {"watch is stale", staysUp, StaleWatch, Both, ms, 4 * second, extra{amount: 2 * second}},
	LeaseTouched: {"Lease is touched", staysUp, Touch, Primary, 0, 0, extra{}},
	UnitsCut: {
		"units are cut from each other", staysOrFailsOver, CutUnits, Primary, ms, 4 * second, extra{},
	},
	UnitsCutSlowly: {
		"units are cut from each other, and the active is slow to tell", staysOrFailsOver, CutUnits, Primary, ms, 4 * second,
		extra{},
	},
	HeartbeatsLost: {
		"heartbeats are lost", staysOrFailsOver, LoseHeartbeats, Both, ms, 3 * second,
		extra{percent: 30},
	},
	HeartbeatsDelayed: {
		"heartbeats are delayed", staysOrFailsOver, DelayHeartbeats, Primary, ms, 3 * second,
		extra{amount: second},
	},
	HeartbeatsRepeated: {
		"heartbeats are repeated", staysUp, RepeatHeartbeats, Primary, ms, 3 * second,
		extra{amount: 2 * second},
	},
	SessionBroken: {"session breaks", staysUp, BreakSession, Primary, 0, 0, extra{}},
	ActiveStopped: {
		"active is stopped", switchesOver, Stop, TheActive, ms, second,
		extra{cause: ha.CauseStop, amount: 6 * second},
	},
	ActiveStoppedStale: {
		"active is stopped while the watch is stale", switchesOver, Stop, TheActive, ms, second,
		extra{cause: ha.CauseStop, amount: 6 * second},
	},
	ActiveUnhealthy: {
		"active is unhealthy", switchesOver, Health, TheActive, 3 * second, 4 * second,
		extra{cause: ha.CauseHealth},
	},
	ActiveFirewallOut: {
		"active's firewall is out of force", switchesOver, FirewallOut, TheActive, 3 * second, 4 * second,
		extra{cause: ha.CauseHealth},
	},
	PreferredReturns: {
		"preferred unit returns", failsAndReturns, Kill, TheActive, ms, second,
		extra{cause: ha.CausePreemption},
	},
	SwitchoverRequested: {
		"switchover is requested", switchesOver, Request, TheStandby, 3 * second, 4 * second,
		extra{cause: ha.CauseRequest},
	},
	SwitchoverRequestedPaused: {
		"switchover is requested while paused", switchesOver, Request, TheStandby, 3 * second, 4 * second,
		extra{cause: ha.CauseRequest},
	},
	ActivePausedAPIAway: {
		"active stands still while the API server is away", comesBack, Pause, TheActive, 1500 * ms, 2 * second, extra{},
	},
	BothPaused:  {"both units stand still at once", resumes, Pause, Both, ms, 2 * second, extra{}},
	TermChanged: {"term in the Lease is changed", staysUp, ChangeTerm, Primary, 0, 0, extra{}},
}

// String returns the drill's name.
func (d Drill) String() string { return drillTable[d].name }

// drawDrill makes the plan one of a drill: its units agree on their settings, and its only fault comes some time after
// they are a pair, or at the very moment.
func (p *Plan) drawDrill(n *noise) {
	p.Drill = Drill(1 + n.below(int64(drills-1)))
	info := drillTable[p.Drill]
	c := p.Units[0].Machine
	c.Isolation, c.Preemption = ha.Fence, ha.Preemption{}
	switch p.Drill {
	case ActiveIsolatedKeeps:
		c.Isolation = ha.KeepForwarding
	case PreferredReturns:
		c.Preemption = ha.Preemption{Enabled: true, Delay: n.between(200*ms, 1500*ms)}
		p.Units[0].Starts, p.Units[1].Starts = 0, 500*ms
	case BothPaused:
		if c.MissedHeartbeats < 3 { // With two, one late heartbeat counts as a loss.
			c.MissedHeartbeats, c.Grant = 3, c.Grant+c.HeartbeatInterval
		}
	case UnitsCutSlowly:
		c.HeartbeatInterval, c.MissedHeartbeats, c.Grant = 20*ms, 3, 310*ms
	default:
	}
	// Where the API server is slower than this, what is lost cannot be made good in time.
	detect := c.HeartbeatInterval * time.Duration(c.MissedHeartbeats)
	p.Delays.API = min(p.Delays.API, (c.Grant-detect)/6)
	p.LeaseAppears = 0
	for i := range p.Units {
		p.Units[i].Machine = c
	}
	p.Units[1].Machine.Preferred = false
	f := Fault{
		Kind: info.kind, Target: info.target, After: Named, Nth: 1, At: n.upTo(pick[time.Duration](n, 5, 200, 1500) * ms),
		Length: n.between(info.from, max(info.to, info.from+1)), Amount: info.amount, Percent: info.percent,
	}
	if info.kind == Health {
		f.Percent = int(n.below(3))
	}
	if p.Drill == BothPaused { // The machine under both continues one of them a little later than the other.
		f.Amount = detect - 2*c.HeartbeatInterval
	}
	if kindTable[info.kind].points && p.Drill != PreferredReturns && n.chance(50) {
		f.Point = pick(n, BeforeStep, AfterStep, BeforeHeartbeat) // What both units pass all the time.
		if info.target == TheActive {
			f.Point = pick(n, f.Point, BeforeGate, AfterGate, BeforeRequest)
		}
	}
	switch p.Drill { // What comes before it.
	case UnitsCutSlowly:
		p.Faults = append(p.Faults, Fault{
			Kind: SlowAPI, Target: TheActive, After: Named, Nth: 1, Length: 3 * second,
			Amount: (c.Grant-detect)/2 - 2*p.Delays.API,
		})
	case ActivePausedAPIAway:
		p.Faults = append(p.Faults, Fault{Kind: CutAPI, Target: Both, After: Named, Nth: 1, Length: 8 * second})
	case SwitchoverRequestedPaused:
		p.Faults = append(p.Faults, Fault{Kind: HoldFailover, After: Named, Nth: 1, Length: 8 * second})
	case ActiveStoppedStale:
		p.Faults = append(p.Faults, Fault{
			Kind: StaleWatch, Target: Both, After: Named, Nth: 1, Length: 4 * second, Amount: second,
		})
	default:
	}
	p.Faults = append(p.Faults, f)
}
