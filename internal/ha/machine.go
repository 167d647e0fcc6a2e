package ha

import "time"

// renewAfter returns how long after a write the next one is due: two may fail before the permit ends.
func (c Config) renewAfter() time.Duration { return c.LeaseDuration / 3 }

// retryAfter returns the pause after a failure. It is short against the lease and does not overload what failed.
func (c Config) retryAfter() time.Duration {
	return min(max(c.LeaseDuration/10, 100*time.Millisecond), time.Second)
}

// Machine is everything that one unit knows and is about to do. It is a value: Step does not change its receiver.
type Machine struct {
	config Config
	now    time.Duration
	wake   time.Duration
	lastID uint64

	phase phase
	// task is the role that replication was last set to.
	task Become
	host host

	lease  leaseView
	call   call
	claim  claim
	tenure tenure
	// outranked is the newest term in which the peer was heard to be active.
	outranked uint64

	// witnessed and isolated are deadlines of permits; the deadline of the peer's grant is in beats. wroteAt is when the
	// last successful write of the tenure was sent.
	witnessed, isolated, wroteAt time.Duration
	pairing                      pairing
	beats                        beats
	// grant, hearing and handed belong to the standby.
	grant   grant
	hearing hearing
	handed  handedPermit

	promotion promotion
	// holdUntil ends the time in which a promotion or switchover that failed is not tried again.
	holdUntil time.Duration
	handover  handover
	// relinquished is the highest term before which the peer forwards no more.
	relinquished uint64

	firewallInForce bool
	health          Health
	peer            peer
	stop            stop
}

// peer is what the replication session reports about the other unit.
type peer struct {
	incarnation Incarnation
	inSync      bool
	// inSyncFrom and outOfSyncFrom are since when it is, or is not.
	inSyncFrom, outOfSyncFrom time.Duration
}

// stop is the request to exit.
type stop struct {
	requested bool
	deadline  time.Duration
}

// New returns a unit at the start of its life. Leftovers of an earlier life on the host count as exposed until their
// withdrawal is confirmed.
func New(c Config) Machine {
	return Machine{config: c, host: host{gateOpen: true, addressed: true}}
}

// Role returns what the unit does now.
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
	case waiting, exiting:
		if m.host.isExposed() || !m.lease.known || !m.firewallInForce {
			return Starting
		}
		return Standby
	default:
		return Starting
	}
}

// Term returns the term of the Lease as last seen.
func (m Machine) Term() uint64 { return m.lease.record.Term }

// TermInvalid reports whether the Lease, as last seen, has a term that no unit can have written.
func (m Machine) TermInvalid() bool { return m.lease.record.TermInvalid }

// Holder returns the holder of the Lease as last seen.
func (m Machine) Holder() Incarnation { return m.lease.record.Holder }

// Connected reports whether the replication session with the peer is established.
func (m Machine) Connected() bool { return m.peer.incarnation != Nobody }

// InSync reports whether the standby, which is one of the two units, holds the state of the active.
func (m Machine) InSync() bool { return m.peer.inSync }

// Promotion returns the report of the current promotion, or of the last. A unit that was handed the role may learn the
// cause only later.
func (m Machine) Promotion() Report {
	r := m.promotion.report
	if r.Cause == CauseUnknown && r.Term == m.lease.record.Term {
		r.Cause = m.lease.record.Cause
	}
	return r
}

// Wake returns the instant at which the machine wants a Tick if nothing else happens before. It is zero when the
// machine wants none.
func (m Machine) Wake() time.Duration { return m.wake }

// Obstacles returns why a unit that is not active does not become active.
func (m Machine) Obstacles() []Obstacle {
	switch {
	case m.phase != waiting:
		return nil
	case m.holds():
		return m.obstacles(Promotion, m.now)
	default:
		return m.obstacles(Takeover, m.now)
	}
}

// holds reports whether the Lease, as last seen, names this process, and the peer was not heard to be active since.
func (m Machine) holds() bool {
	return m.lease.known && m.lease.record.Holder == m.config.Self && m.lease.record.Term >= m.outranked
}

// transition is a Machine on its way to the next state, with the effects found so far. Its methods that return a bool
// only look; what acts is a statement.
type transition struct {
	Machine
	at      time.Duration
	effects []Effect
}

// Step takes in one event. It returns the machine after it, and what is to be done.
func (m Machine) Step(ev Event) (Machine, []Effect) {
	t := &transition{Machine: m, at: max(ev.At, m.now)}
	t.assumeEarlierGrant()
	t.forgiveStall()
	t.now, t.wake = t.at, 0
	t.absorb(ev.Fact)
	t.compareHealth()
	t.enforcePermit()
	for before := exiting; before != t.phase; {
		before = t.phase
		t.decide()
	}
	return t.Machine, t.effects
}

// absorb stores a fact and decides nothing.
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
		t.heartbeatReceived(f)
	case HeartbeatAcknowledged:
		t.heartbeatAcknowledged(f)
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

// outOfSync returns since when the peer is out of sync, if it is so from the instant on at the latest.
func (p peer) outOfSync(at time.Duration) time.Duration {
	if p.inSync {
		return at
	}
	return p.outOfSyncFrom
}

// syncChanged stores whether the standby is in sync, and since when.
func (t *transition) syncChanged(inSync bool) {
	switch {
	case inSync && !t.peer.inSync:
		t.peer.inSyncFrom = t.at
	case !inSync && t.peer.inSync:
		t.peer.outOfSyncFrom = t.at
	}
	t.peer.inSync = inSync
}

// peerRelinquished stores the peer's word that it is no longer active. The peer gave it after the Lease named this
// unit, so this unit need not wait for the watch: traffic is waiting.
func (t *transition) peerRelinquished(f PeerRelinquished) {
	if !t.isPlausible(f.Term) {
		return
	}
	t.relinquished = max(t.relinquished, f.Term)
	t.storeHandedPermit(f)
	if f.Term <= t.lease.record.Term {
		return
	}
	t.call.mustRead = true
	if t.peer.incarnation == Nobody {
		return
	}
	implied := Record{Holder: t.config.Self, Giver: t.peer.incarnation, Term: f.Term}
	if t.lease.record.Term+1 == f.Term {
		implied.Duration = t.lease.record.Duration // It is the giver's own, as in the record before.
	}
	t.see(implied)
}

// enforcePermit fences a unit whose permit has run out, before anything else is decided.
func (t *transition) enforcePermit() {
	if t.phase != serving && t.phase != promoting || !t.host.gateOpen {
		return
	}
	t.wakeAt(t.host.until)
	if t.reached(t.host.until) {
		t.phase = fenced
	}
}

// decide takes the next action of the phase. Each phase looks at everything that is known, not at the event.
func (t *transition) decide() {
	if t.phase == exiting {
		return
	}
	if t.stop.requested {
		t.wakeAt(t.stop.deadline)
		if t.reached(t.stop.deadline) {
			t.exit()
			return
		}
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
	case exiting:
	}
}

// wait closes the gate of an earlier term and withdraws the addresses. Then it checks whether the Lease may be taken. A
// peer that waits for this unit to relinquish the role comes before everything else but the gate.
func (t *transition) wait() {
	t.ensureClosed()
	if t.host.gateOpen && t.owesRelinquish() && t.host.closing.tries == 0 {
		return
	}
	if !t.host.gateOpen {
		t.ensureRelinquished()
	}
	t.ensureWithdrawn()
	t.ensureLeaseKnown()
	if t.host.isExposed() || t.owesRelinquish() {
		return
	}
	t.become(Standby)
	switch {
	case t.stop.requested && t.holds():
		t.phase = releasing
	case t.stop.requested:
		t.leave()
	case t.holds():
		if t.passes(Promotion, t.at) {
			t.startPromotion()
		}
	case t.canWriteLease():
		t.tryClaim()
	}
	if t.config.HeartbeatInterval != 0 {
		t.wakeAt(t.at + t.config.HeartbeatInterval) // A unit that wakes often notices when it was stalled.
	}
}

// leave exits as soon as no write can be under way that would make this unit the holder without its knowledge.
func (t *transition) leave() {
	if !t.call.writes && !t.call.mustRead {
		t.exit()
	}
}

// serve extends the permit and the gate's deadline until the unit is to leave.
func (t *transition) serve() {
	t.beat()
	t.keepForwarding()
	t.adjustGate()
	t.keepLease()
	t.wakeForSwitchover()
	t.handOver(t.switchoverCause())
}

// recover keeps a fenced unit's gate closed and tries to get a new permit. A write that succeeds proves that nobody
// took the Lease in between; an acknowledgement proves that the peer does not intend to. The peer is asked for a grant
// only when the witness does not answer: a grant delays what the peer would do about a unit that does not forward.
func (t *transition) recover() {
	t.pairing.preparing = false
	t.retreat()
	isWithdrawn := !t.host.isExposed()
	if isWithdrawn {
		t.become(Standby)
	}
	if t.stop.requested {
		t.phase = releasing
		return
	}
	if !t.Permit().isValid(t.at) {
		t.ensureLeaseKnown()
		if t.canWriteLease() {
			t.write(t.tenureRecord(Nobody))
		}
		witnessSilent := t.call.unansweredAt >= t.host.until
		if witnessSilent && isWithdrawn {
			t.beat() // At most the peer has heard this unit stand still.
		}
		if witnessSilent && t.config.extendsAlone() {
			t.isolated = t.at + t.config.isolatedPermit()
		}
	}
	if isWithdrawn && t.Permit().isValid(t.at) && t.passes(Promotion, t.at) {
		t.startPromotion()
	}
}

// release empties the Lease once this unit forwards no more. It names itself as the giver only if the holder before it
// cannot forward either: a successor that leaves before the active relinquished the role cannot vouch for that.
func (t *transition) release() {
	t.retreat()
	if t.host.isExposed() {
		return
	}
	t.become(Standby)
	t.ensureLeaseKnown()
	if !t.canWriteLease() {
		return
	}
	r := Record{Term: t.lease.record.Term}
	if t.isFenceConfirmed() {
		r.Giver = t.config.Self
	}
	t.write(r)
}

// become sets the role of replication, if it has another.
func (t *transition) become(role Role) {
	if t.task.Role == role {
		return
	}
	t.task = Become{Role: role, Term: t.lease.record.Term}
	t.emit(t.task)
}

func (t *transition) exit() {
	t.phase = exiting
	t.emit(Exit{})
}

func (t *transition) emit(e Effect) { t.effects = append(t.effects, e) }

func (t *transition) newID() uint64 {
	t.lastID++
	return t.lastID
}

// reached reports whether the instant has come.
func (t *transition) reached(instant time.Duration) bool { return t.at >= instant }

// wakeAt requests a Tick at the instant, unless it has passed or an earlier one is requested already.
func (t *transition) wakeAt(instant time.Duration) {
	if !t.reached(instant) && (t.wake == 0 || instant < t.wake) {
		t.wake = instant
	}
}
