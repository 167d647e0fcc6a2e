package simulation

import (
	"fmt"
	"strings"
	"time"
)

// Kind is what goes wrong.
type Kind uint8

// What can go wrong. Length is how long it lasts; for a process or a node that dies, how long it is gone.
const (
	// Kill ends the process where it stands. Its kernel stays, and with it the gate.
	Kill Kind = iota
	// PowerOff ends the node: the gate is closed, the kernel's state is gone, and the boot clock starts again.
	PowerOff
	// Pause lets the process stand still where it is.
	Pause
	// Stutter lets it stand still now and then, each time up to Amount.
	Stutter
	// StopMachine lets the machine stand still with its process, its kernel and its boot clock.
	StopMachine
	// CutUnits cuts the two units from each other; CutOneWay loses only what the unit sends to the other.
	CutUnits
	CutOneWay
	// CutAPI cuts the unit from the API server, and Isolate from the other unit as well.
	CutAPI
	Isolate
	// SlowAPI delays requests and answers by up to Amount each.
	SlowAPI
	// LoseAnswers lets so many Percent of the requests be served and not answered.
	LoseAnswers
	// LateWrites lets requests reach the API server up to Amount after their client gave up.
	LateWrites
	// BreakWatch loses what the watch would tell, and StaleWatch lets it tell old records up to Amount later.
	BreakWatch
	StaleWatch
	// LoseHeartbeats loses so many Percent of the heartbeats and acknowledgements that the unit sends, DelayHeartbeats
	// delays half of all by up to Amount, so that they overtake each other, and RepeatHeartbeats brings half of them
	// twice.
	LoseHeartbeats
	DelayHeartbeats
	RepeatHeartbeats
	// BreakSession breaks the replication session, NoSession also prevents a new one, SlowSession delays
	// what it carries by up to Amount, and OutOfSync lets the standby be behind.
	BreakSession
	NoSession
	SlowSession
	OutOfSync
	// Stop asks the unit to leave within Amount, and brings it back after Length.
	Stop
	// Health is a monitor of the unit that fails, and FirewallOut its firewall.
	Health
	FirewallOut
	// HoldFailover is the annotation by which somebody wants no switchover.
	HoldFailover
	// Request is the annotation by which somebody requests a switchover to the unit.
	Request
	// Touch is a write of the Lease by somebody else that changes nothing but its version.
	Touch
	// EmptyLease takes the holder out of the Lease by hand, and DeleteLease deletes it; the operator makes a new one.
	EmptyLease
	DeleteLease
	// ChangeTerm writes another term into the Lease by hand.
	ChangeTerm
	// GateFails lets so many Percent of the effects on the gate fail, with or without having happened, and HostFails
	// those on the rest of the host. SlowHost lets all of them take up to Amount longer.
	GateFails
	HostFails
	SlowHost

	kinds = int(SlowHost) + 1
)

// kindInfo is how a kind is drawn.
type kindInfo struct {
	name   string
	weight int
	// length and amount bound what is drawn; percent is whether it has one.
	length, amount time.Duration
	percent        bool
	// side is set where it hits one unit, both where it may hit both at once, points where it can wait for a point.
	side, both, points bool
}

var kindTable = [kinds]kindInfo{
	Kill:             {name: "kill", weight: 6, length: 1500 * ms, side: true, both: true, points: true},
	PowerOff:         {name: "power off", weight: 4, length: 2 * second, side: true, both: true, points: true},
	Pause:            {name: "pause", weight: 8, length: 4 * second, side: true, both: true, points: true},
	Stutter:          {name: "stutter", weight: 3, length: 2 * second, amount: 400 * ms, side: true},
	StopMachine:      {name: "stop machine", weight: 5, length: 4 * second, side: true, both: true, points: true},
	CutUnits:         {name: "cut units", weight: 6, length: 3 * second},
	CutOneWay:        {name: "cut one way", weight: 3, length: 2 * second, side: true},
	CutAPI:           {name: "cut API", weight: 6, length: 3 * second, side: true, both: true},
	Isolate:          {name: "isolate", weight: 3, length: 3 * second, side: true},
	SlowAPI:          {name: "slow API", weight: 3, length: 3 * second, amount: second, side: true, both: true},
	LoseAnswers:      {name: "lose answers", weight: 4, length: 2 * second, percent: true, side: true, both: true},
	LateWrites:       {name: "late writes", weight: 4, length: 2 * second, amount: 2 * second, side: true, both: true},
	BreakWatch:       {name: "break watch", weight: 3, length: 3 * second, side: true, both: true},
	StaleWatch:       {name: "stale watch", weight: 3, length: 3 * second, amount: 2 * second, side: true, both: true},
	LoseHeartbeats:   {name: "lose heartbeats", weight: 4, length: 2 * second, percent: true, side: true, both: true},
	DelayHeartbeats:  {name: "delay heartbeats", weight: 4, length: 2 * second, amount: 2 * second},
	RepeatHeartbeats: {name: "repeat heartbeats", weight: 2, length: 2 * second, amount: second},
	BreakSession:     {name: "break session", weight: 3},
	NoSession:        {name: "no session", weight: 3, length: 3 * second},
	SlowSession:      {name: "slow session", weight: 3, length: 2 * second, amount: second},
	OutOfSync:        {name: "out of sync", weight: 3, length: 3 * second},
	Stop:             {name: "stop", weight: 6, length: second, side: true, both: true},
	Health:           {name: "health", weight: 4, length: 3 * second, side: true},
	FirewallOut:      {name: "firewall out", weight: 2, length: 2 * second, side: true},
	HoldFailover:     {name: "hold failover", weight: 1, length: 3 * second},
	Request:          {name: "request a switchover", weight: 3, length: 3 * second, side: true},
	Touch:            {name: "touch", weight: 2},
	EmptyLease:       {name: "empty Lease", weight: 1},
	DeleteLease:      {name: "delete Lease", weight: 1, length: second},
	ChangeTerm:       {name: "change term", weight: 2},
	GateFails:        {name: "gate fails", weight: 3, length: second, percent: true, side: true},
	HostFails:        {name: "host fails", weight: 2, length: second, percent: true, side: true},
	SlowHost:         {name: "slow host", weight: 3, length: 2 * second, amount: 600 * ms, side: true},
}

// String returns the kind's name in plans.
func (k Kind) String() string { return kindTable[k].name }

// Target is whom a fault hits.
type Target uint8

// The targets. Who is the active and who the standby is looked up when the fault begins.
const (
	Primary Target = iota
	Secondary
	TheActive
	TheStandby
	Both
)

// String returns the target's name in plans.
func (t Target) String() string {
	return [...]string{"primary", "secondary", "the active", "the standby", "both"}[t]
}

// Point is where in its work a process is hit.
type Point uint8

// The points.
const (
	// Anywhere is where it happens to be.
	Anywhere Point = iota
	// BeforeStep is when a fact waits, AfterStep between a decision and its first effect.
	BeforeStep
	AfterStep
	// BeforeGate is before the gate is written, AfterGate before the machine learns that it was.
	BeforeGate
	AfterGate
	// BeforeRequest is before a request is sent to the API server, BeforeHeartbeat before a heartbeat or an
	// acknowledgement goes out, BeforeRelinquish before a flush or a relinquishing.
	BeforeRequest
	BeforeHeartbeat
	BeforeRelinquish

	points = int(BeforeRelinquish) + 1
)

// String returns the point's name in plans.
func (p Point) String() string {
	return [points]string{
		"", "before its next step", "after its next step", "before its next gate write", "after its next gate write",
		"before its next request", "before its next heartbeat", "before its next flush or relinquishing",
	}[p]
}

// Milestone is something in a run that a fault can follow.
type Milestone uint8

// The milestones.
const (
	// Beginning is that of the run.
	Beginning Milestone = iota
	// Named is that the Lease names a standby, Unnamed that it does not any more.
	Named
	Unnamed
	// Claimed is that a unit took the Lease on its own account, HandedOver that it was given it.
	Claimed
	HandedOver
	// Opened is that a gate opened in a new term, Closed that one was closed by its process.
	Opened
	Closed
	// Flushing is the start of a handover, Relinquished the start of relinquishing.
	Flushing
	Relinquished
	// Connected is that a session stands, Synced that the standby holds everything.
	Connected
	Synced

	milestones = int(Synced) + 1
)

// String returns the milestone's name in plans.
func (m Milestone) String() string {
	return [milestones]string{
		"the beginning", "standby named", "standby unnamed", "claim", "handover", "opening", "closing", "flush",
		"relinquishing",
		"connection", "sync",
	}[m]
}

// Fault is one thing that goes wrong.
type Fault struct {
	Kind   Kind
	Target Target
	// At is when it begins, counted from the Nth time that the milestone is passed.
	After Milestone
	Nth   int
	At    time.Duration
	Point Point
	// Length, Amount and Percent are described at the kinds.
	Length, Amount time.Duration
	Percent        int
}

// String returns the fault as plans print it.
func (f Fault) String() string {
	var b strings.Builder
	info := kindTable[f.Kind]
	b.WriteString(f.At.String())
	if f.After != Beginning {
		fmt.Fprintf(&b, " after %s %d", f.After, f.Nth)
	}
	fmt.Fprintf(&b, ": %s", f.Kind)
	if info.side {
		fmt.Fprintf(&b, " of %s", f.Target)
	}
	if f.Point != Anywhere {
		fmt.Fprintf(&b, " %s", f.Point)
	}
	if info.length != 0 {
		fmt.Fprintf(&b, " for %s", f.Length)
	}
	if f.Amount != 0 {
		fmt.Fprintf(&b, ", up to %s", f.Amount)
	}
	if info.percent {
		fmt.Fprintf(&b, ", %d %%", f.Percent)
	}
	return b.String()
}
