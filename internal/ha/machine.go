package ha

import "time"

// renewAfter is how long after a write the next one is due: two may fail before the permit ends.
func (c Config) renewAfter() time.Duration { return c.LeaseDuration / 3 }

// retryAfter is the pause after something failed: short against the lease, and no burden for whoever failed.
func (c Config) retryAfter() time.Duration {
	return min(max(c.LeaseDuration/10, 100*time.Millisecond), time.Second)
}

// Machine is all that one unit knows and is about to do. It is a value: Step leaves its receiver as it was.
type Machine struct {
	config Config
	now    time.Duration
	wake   time.Duration
	lastID uint64

	phase phase
	// task is what replication was last told to be.
	task Become
	host host

	lease  leaseView
	call   call
	claim  claim
	tenure tenure
	// outranked is the newest term in which the peer was heard to be active.
	outranked uint64

	// witnessed and isolated are deadlines of permits; that of the peer's promise is in beats. wroteAt is when the last
	// successful write of the tenure was sent.
	witnessed, isolated, wroteAt time.Duration
	pairing                      pairing
	beats                        beats
	// promise, hearing and inherited are of the standby.
	promise   promise
	hearing   hearing
	inherited inheritance

	promotion promotion
	// holdUntil ends the time in which a failed promotion is not tried again.
	holdUntil time.Duration
	handover  handover
	// relinquished is the highest term whose predecessors the peer has left.
	relinquished uint64

	firewallInForce bool
	health          Health
	peer            peer
	stop            stop
}

// peer is what the replication session tells of the other unit.
type peer struct {
	incarnation Incarnation
	inSync      bool
	// inSyncFrom and outOfSyncFrom are since when it is, or is not.
	inSyncFrom, outOfSyncFrom time.Duration
}

// stop is the wish to exit.
type stop struct {
	requested bool
	deadline  time.Duration
}

// New is a unit at the start of its life. Whatever an earlier life left on the host counts as exposed until its
// withdrawal is confirmed.
func New(c Config) Machine {
	return Machine{config: c, host: host{gateOpen: true, addressed: true}}
}

// Role is what the unit does now.
func (m Machine) Role() Role {
	switch m.phase {
	case serving:
		return Active
	case promoting:
		if m.host.gateOpen {
			return Active
		}
		return Standby
	case fenced, releasing:
		return Fenced
	case waiting, gone:
		if m.host.exposed() || !m.lease.known || !m.firewallInForce {
			return Starting
		}
		return Standby
	default:
		return Starting
	}
}

// Term is the term of the Lease as last seen.
func (m Machine) Term() uint64 { return m.lease.record.Term }

// Holder is who holds the Lease as last seen.
func (m Machine) Holder() Incarnation { return m.lease.record.Holder }

// Connected tells whether the replication session to the peer stands, and InSync whether the standby of the two holds
// the state of the active.
func (m Machine) Connected() bool { return m.peer.incarnation != Nobody }

// InSync is described at Connected.
func (m Machine) InSync() bool { return m.peer.inSync }

// Standby is who may take the Lease on direct evidence, as last seen.
func (m Machine) Standby() Incarnation { return m.lease.record.Standby }

// Paused tells whether somebody wants no switchover for health or preference.
func (m Machine) Paused() bool { return m.lease.record.Paused }

// Promotion is the report of the current promotion, or of the last. A unit that was handed the role may learn only
// later for which cause.
func (m Machine) Promotion() Report {
	r := m.promotion.report
	if r.Cause == CauseUnknown && r.Term == m.lease.record.Term {
		r.Cause = m.lease.record.Cause
	}
	return r
}

// Wake is the instant at which the machine wants a Tick, if nothing else happens before; zero when it does not.
func (m Machine) Wake() time.Duration { return m.wake }

// Obstacles says why a unit that is not active does not become it.
func (m Machine) Obstacles() []Obstacle {
	switch {
	case m.phase != waiting:
		return nil
	case m.holds():
		return m.obstacles(Inheritance, m.now)
	default:
		return m.obstacles(Takeover, m.now)
	}
}

// holds tells whether the Lease, as last seen, names this process, and nobody was heard to be active after it.
func (m Machine) holds() bool {
	return m.lease.known && m.lease.record.Holder == m.config.Self && m.lease.record.Term >= m.outranked
}

// transition is a Machine on its way to the next, with the effects found so far.
type transition struct {
	Machine
	at      time.Duration
	effects []Effect
}

// Step takes in one event and returns the machine after it, with what is to be done.
func (m Machine) Step(ev Event) (Machine, []Effect) {
	t := &transition{Machine: m, at: max(ev.At, m.now)}
	t.bornWithPromise()
	t.forgiveStall()
	t.now, t.wake = t.at, 0
	t.absorb(ev.Fact)
	t.compareHealth()
	t.enforce()
	for before := gone; before != t.phase; {
		before = t.phase
		t.decide()
	}
	return t.Machine, t.effects
}

// absorb takes in a fact and decides nothing.
func (t *transition) absorb(fact Fact) {
	switch f := fact.(type) {
	case Tick:
	case LeaseSeen:
		t.leaseSeen(f.Record)
	case LeaseAnswered:
		t.leaseAnswered(f)
	case FirewallReported:
		t.firewallInForce = f.InForce
	case PeerConnected:
		t.peer = peer{incarnation: f.Incarnation, outOfSyncFrom: t.at}
	case PeerDisconnected:
		t.peer = peer{outOfSyncFrom: t.peer.outOfSync(t.at)}
	case SyncChanged:
		t.syncChanged(f.InSync)
	case HeartbeatReceived:
		t.heard(f)
	case HeartbeatAcknowledged:
		t.acknowledged(f)
	case HealthChanged:
		t.health = f.Health
	case PeerRelinquished:
		t.peerRelinquished(f)
	case EffectDone:
		t.hostDone(f)
		t.promotionDone(f)
		t.handoverDone(f)
	case StopRequested:
		t.stop = stop{requested: true, deadline: f.Deadline}
	}
}

// outOfSync is since when the peer is out of sync, if it is from the instant on at the latest.
func (p peer) outOfSync(at time.Duration) time.Duration {
	if p.inSync {
		return at
	}
	return p.outOfSyncFrom
}

func (t *transition) syncChanged(inSync bool) {
	switch {
	case inSync && !t.peer.inSync:
		t.peer.inSyncFrom = t.at
	case !inSync && t.peer.inSync:
		t.peer.outOfSyncFrom = t.at
	}
	t.peer.inSync = inSync
}

// peerRelinquished takes in the peer's word that it is no longer active. It was given after the Lease named this unit, so
// this unit need not wait until the watch says so too: traffic is waiting.
func (t *transition) peerRelinquished(f PeerRelinquished) {
	t.relinquished = max(t.relinquished, f.Term)
	t.inherit(f)
	if f.Term <= t.lease.record.Term {
		return
	}
	t.call.doubt = true
	if t.peer.incarnation == Nobody {
		return
	}
	said := Record{Holder: t.config.Self, Giver: t.peer.incarnation, Term: f.Term}
	if t.lease.record.Term+1 == f.Term {
		said.Duration = t.lease.record.Duration // It is the giver's own, as in the record before.
	}
	t.see(said)
}

// enforce fences a unit whose permit has run out, before anything else is decided.
func (t *transition) enforce() {
	if t.phase != serving && t.phase != promoting {
		return
	}
	if t.host.gateOpen && t.due(t.host.until) {
		t.phase = fenced
	}
}

// decide does what the phase wants done next. Each phase looks at all that is known, not at the event.
func (t *transition) decide() {
	if t.phase == gone {
		return
	}
	if t.stop.requested && t.due(t.stop.deadline) {
		t.exit()
		return
	}
	if t.phase != waiting && !t.holds() {
		t.phase = waiting
	}
	switch t.phase {
	case waiting:
		t.wait()
	case promoting:
		t.promote()
	case serving:
		t.serve()
	case fenced:
		t.recover()
	case releasing:
		t.release()
	case gone:
	}
}

// wait closes the gate of an earlier term, pays what is owed to the peer, for whom the traffic waits, takes the
// addresses off, and then looks whether the Lease may be taken.
func (t *transition) wait() {
	closed := t.shut()
	if !closed && t.owes() && t.host.closing.tries == 0 {
		return
	}
	paid := closed && t.ensureRelinquished()
	withdrawn, settled := t.withdraw(), t.settled()
	if !withdrawn || !paid {
		return
	}
	t.become(Standby)
	switch {
	case t.stop.requested && t.holds():
		t.phase = releasing
	case t.stop.requested:
		t.leave()
	case t.holds():
		if t.passes(Inheritance, t.at) {
			t.startPromotion()
		}
	case settled && t.mayClaim():
		t.take()
	case settled:
		t.look()
	}
	if t.config.HeartbeatInterval != 0 {
		t.due(t.at + t.config.HeartbeatInterval) // Whoever looks often knows when it did not.
	}
}

// mayClaim tells whether the Lease may be taken, and asks to be woken when it may.
func (t *transition) mayClaim() bool {
	from, _ := t.claimable()
	return t.due(from) && t.due(t.holdUntil) && t.passes(Takeover, t.at)
}

// leave exits as soon as no write can be under way that would make this unit the holder behind its back.
func (t *transition) leave() {
	if !t.call.writes && !t.call.doubt {
		t.exit()
	}
}

// serve keeps the permit and the gate's deadline moving until the unit is to leave.
func (t *transition) serve() {
	t.beat()
	t.keepForwarding()
	t.adjustGate()
	t.keepLease()
	t.handOver(t.switchover())
}

// recover keeps a fenced unit's gate closed and tries for a new permit. A write that succeeds proves that nobody took
// the Lease in between; an acknowledgement, that the peer does not mean to. The peer is asked for one only when the
// witness does not answer: a promise puts off what the peer would do about a unit that does not forward.
func (t *transition) recover() {
	t.pairing.preparing = false
	withdrawn := t.retreat()
	if withdrawn {
		t.become(Standby)
	}
	if t.stop.requested {
		t.phase = releasing
		return
	}
	if !t.Permit().valid(t.at) {
		if t.settled() {
			t.write(t.tenureRecord(Nobody))
		}
		asked := t.call.unansweredAt >= t.host.until
		if asked && withdrawn {
			t.beat() // The witness does not answer. The peer may have heard this unit stand still, and nothing more.
		}
		if asked && t.config.Isolation == KeepForwarding {
			t.isolated = t.at + t.config.reach()
		}
	}
	if withdrawn && t.Permit().valid(t.at) && t.passes(Inheritance, t.at) {
		t.startPromotion()
	}
}

// release gives the Lease to nobody, once this unit forwards no more. It vouches for that as the giver only where the
// holder before it cannot forward either: an heir that leaves before the grant came has no word to give.
func (t *transition) release() {
	if !t.retreat() {
		return
	}
	t.become(Standby)
	if !t.settled() {
		return
	}
	r := Record{Term: t.lease.record.Term}
	if t.fenceConfirmed() {
		r.Giver = t.config.Self
	}
	t.write(r)
}

func (t *transition) become(role Role) {
	if t.task.Role == role {
		return
	}
	t.task = Become{Role: role, Term: t.lease.record.Term}
	t.emit(t.task)
}

func (t *transition) exit() {
	t.phase = gone
	t.emit(Exit{})
}

func (t *transition) emit(e Effect) { t.effects = append(t.effects, e) }

func (t *transition) newID() uint64 {
	t.lastID++
	return t.lastID
}

// due tells whether the instant has come; if not, the machine asks to be woken then.
func (t *transition) due(instant time.Duration) bool {
	if t.at >= instant {
		return true
	}
	if t.wake == 0 || instant < t.wake {
		t.wake = instant
	}
	return false
}
