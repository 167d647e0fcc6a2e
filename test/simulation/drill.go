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
	kind    Kind
	target  Target
	outcome outcome
	cause   ha.Cause
	// from and to bound the fault's length; amount and percent are given.
	from, to time.Duration
	amount   time.Duration
	percent  int
}

var drillTable = [drills]drillInfo{
	NoDrill: {name: "none"},
	Quiet: {
		name: "nothing happens", outcome: staysUp,
		kind: Touch,
	},
	ActivePowerOff: {
		name: "active loses its power", outcome: failsOver,
		kind: PowerOff, target: TheActive, from: ms, to: 3 * second,
	},
	ActiveKilled: {
		name: "active is killed", outcome: failsOver,
		kind: Kill, target: TheActive, from: ms, to: 3 * second,
	},
	ActivePaused: {
		name: "active stands still", outcome: failsOver,
		kind: Pause, target: TheActive, from: 1500 * ms, to: 4 * second,
	},
	ActiveMachineStopped: {
		name: "active's machine is stopped", outcome: failsOver,
		kind: StopMachine, target: TheActive, from: 1500 * ms, to: 4 * second,
	},
	ActiveIsolated: {
		name: "active is cut from everybody", outcome: failsOver,
		kind: Isolate, target: TheActive, from: 1500 * ms, to: 4 * second,
	},
	ActiveIsolatedKeeps: {
		name: "active is cut from everybody and keeps forwarding", outcome: keepsForwarding,
		kind: Isolate, target: TheActive, from: ms, to: 4 * second,
	},
	StandbyPowerOff: {
		name: "standby loses its power", outcome: staysUp,
		kind: PowerOff, target: TheStandby, from: ms, to: 3 * second,
	},
	StandbyKilled: {
		name: "standby is killed", outcome: staysUp,
		kind: Kill, target: TheStandby, from: ms, to: 3 * second,
	},
	StandbyPaused: {
		name: "standby stands still", outcome: staysUp,
		kind: Pause, target: TheStandby, from: ms, to: 4 * second,
	},
	StandbyMachineStopped: {
		name: "standby's machine is stopped", outcome: staysUp,
		kind: StopMachine, target: TheStandby, from: ms, to: 4 * second,
	},
	StandbyIsolated: {
		name: "standby is cut from everybody", outcome: staysUp,
		kind: Isolate, target: TheStandby, from: ms, to: 4 * second,
	},
	StandbyStopped: {
		name: "standby is stopped", outcome: staysUp,
		kind: Stop, target: TheStandby, from: ms, to: second, amount: 6 * second,
	},
	StandbyOutOfSync: {
		name: "standby is out of sync", outcome: staysUp,
		kind: OutOfSync, from: ms, to: 4 * second,
	},
	APIAway: {
		name: "API server is away", outcome: staysUp,
		kind: CutAPI, target: Both, from: ms, to: 5 * second,
	},
	APIAwayForActive: {
		name: "API server is away for the active", outcome: staysUp,
		kind: CutAPI, target: TheActive, from: ms, to: 5 * second,
	},
	APIAwayForStandby: {
		name: "API server is away for the standby", outcome: staysUp,
		kind: CutAPI, target: TheStandby, from: ms, to: 5 * second,
	},
	APISlow: {
		name: "API server is slow", outcome: staysUp,
		kind: SlowAPI, target: Both, from: ms, to: 4 * second, amount: 2 * second,
	},
	APILosesAnswers: {
		name: "API server's answers are lost", outcome: staysUp,
		kind: LoseAnswers, target: Both, from: ms, to: 4 * second, percent: 100,
	},
	APILate: {
		name: "writes land late", outcome: staysUp,
		kind: LateWrites, target: Both, from: ms, to: 4 * second, amount: 2 * second,
	},
	WatchBroken: {
		name: "watch is broken", outcome: staysUp,
		kind: BreakWatch, target: Both, from: ms, to: 4 * second,
	},
	WatchStale: {
		name: "watch is stale", outcome: staysUp,
		kind: StaleWatch, target: Both, from: ms, to: 4 * second, amount: 2 * second,
	},
	LeaseTouched: {
		name: "Lease is touched", outcome: staysUp,
		kind: Touch,
	},
	UnitsCut: {
		name: "units are cut from each other", outcome: staysOrFailsOver,
		kind: CutUnits, from: ms, to: 4 * second,
	},
	UnitsCutSlowly: {
		name: "units are cut from each other, and the active is slow to tell", outcome: staysOrFailsOver,
		kind: CutUnits, from: ms, to: 4 * second,
	},
	HeartbeatsLost: {
		name: "heartbeats are lost", outcome: staysOrFailsOver,
		kind: LoseHeartbeats, target: Both, from: ms, to: 3 * second, percent: 30,
	},
	HeartbeatsDelayed: {
		name: "heartbeats are delayed", outcome: staysOrFailsOver,
		kind: DelayHeartbeats, from: ms, to: 3 * second, amount: second,
	},
	HeartbeatsRepeated: {
		name: "heartbeats are repeated", outcome: staysUp,
		kind: RepeatHeartbeats, from: ms, to: 3 * second, amount: 2 * second,
	},
	SessionBroken: {
		name: "session breaks", outcome: staysUp,
		kind: BreakSession,
	},
	ActiveStopped: {
		name: "active is stopped", outcome: switchesOver, cause: ha.CauseStop,
		kind: Stop, target: TheActive, from: ms, to: second, amount: 6 * second,
	},
	ActiveStoppedStale: {
		name: "active is stopped while the watch is stale", outcome: switchesOver, cause: ha.CauseStop,
		kind: Stop, target: TheActive, from: ms, to: second, amount: 6 * second,
	},
	ActiveUnhealthy: {
		name: "active is unhealthy", outcome: switchesOver, cause: ha.CauseHealth,
		kind: Health, target: TheActive, from: 3 * second, to: 4 * second,
	},
	ActiveFirewallOut: {
		name: "active's firewall is out of force", outcome: switchesOver, cause: ha.CauseHealth,
		kind: FirewallOut, target: TheActive, from: 3 * second, to: 4 * second,
	},
	PreferredReturns: {
		name: "preferred unit returns", outcome: failsAndReturns, cause: ha.CausePreemption,
		kind: Kill, target: TheActive, from: ms, to: second,
	},
	SwitchoverRequested: {
		name: "switchover is requested", outcome: switchesOver, cause: ha.CauseRequest,
		kind: Request, target: TheStandby, from: 3 * second, to: 4 * second,
	},
	SwitchoverRequestedPaused: {
		name: "switchover is requested while paused", outcome: switchesOver, cause: ha.CauseRequest,
		kind: Request, target: TheStandby, from: 3 * second, to: 4 * second,
	},
	ActivePausedAPIAway: {
		name: "active stands still while the API server is away", outcome: comesBack,
		kind: Pause, target: TheActive, from: 1500 * ms, to: 2 * second,
	},
	BothPaused: {
		name: "both units stand still at once", outcome: resumes,
		kind: Pause, target: Both, from: ms, to: 2 * second,
	},
	TermChanged: {
		name: "term in the Lease is changed", outcome: staysUp,
		kind: ChangeTerm,
	},
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
