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
	// granted is the highest term whose predecessors the peer has left.
	granted uint64

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

// step is a Machine on its way to the next, with the effects found so far.
type step struct {
	Machine
	at      time.Duration
	effects []Effect
}

// Step takes in one event and returns the machine after it, with what is to be done.
func (m Machine) Step(ev Event) (Machine, []Effect) {
	s := &step{Machine: m, at: max(ev.At, m.now)}
	s.bornWithPromise()
	s.forgiveStall()
	s.now, s.wake = s.at, 0
	s.absorb(ev.Fact)
	s.compareHealth()
	s.enforce()
	for before := gone; before != s.phase; {
		before = s.phase
		s.decide()
	}
	return s.Machine, s.effects
}

// absorb takes in a fact and decides nothing.
func (s *step) absorb(fact Fact) {
	switch f := fact.(type) {
	case Tick:
	case LeaseSeen:
		s.leaseSeen(f.Record)
	case LeaseAnswered:
		s.leaseAnswered(f)
	case FirewallReported:
		s.firewallInForce = f.InForce
	case PeerConnected:
		s.peer = peer{incarnation: f.Incarnation, outOfSyncFrom: s.at}
	case PeerDisconnected:
		s.peer = peer{outOfSyncFrom: s.peer.outOfSync(s.at)}
	case SyncChanged:
		s.syncChanged(f.InSync)
	case HeartbeatReceived:
		s.heard(f)
	case HeartbeatAcknowledged:
		s.acknowledged(f)
	case HealthChanged:
		s.health = f.Health
	case GrantReceived:
		s.grantReceived(f)
	case EffectDone:
		s.hostDone(f)
		s.promotionDone(f)
		s.handoverDone(f)
	case StopRequested:
		s.stop = stop{requested: true, deadline: f.Deadline}
	}
}

// outOfSync is since when the peer is out of sync, if it is from the instant on at the latest.
func (p peer) outOfSync(at time.Duration) time.Duration {
	if p.inSync {
		return at
	}
	return p.outOfSyncFrom
}

func (s *step) syncChanged(inSync bool) {
	switch {
	case inSync && !s.peer.inSync:
		s.peer.inSyncFrom = s.at
	case !inSync && s.peer.inSync:
		s.peer.outOfSyncFrom = s.at
	}
	s.peer.inSync = inSync
}

// grantReceived takes in the peer's word that it is no longer active. It was given after the Lease named this unit, so
// this unit need not wait until the watch says so too: traffic is waiting.
func (s *step) grantReceived(f GrantReceived) {
	s.granted = max(s.granted, f.Term)
	s.inherit(f)
	if f.Term <= s.lease.record.Term {
		return
	}
	s.call.doubt = true
	if s.peer.incarnation == Nobody {
		return
	}
	said := Record{Holder: s.config.Self, Giver: s.peer.incarnation, Term: f.Term}
	if s.lease.record.Term+1 == f.Term {
		said.Duration = s.lease.record.Duration // It is the giver's own, as in the record before.
	}
	s.see(said)
}

// enforce fences a unit whose permit has run out, before anything else is decided.
func (s *step) enforce() {
	if s.phase != serving && s.phase != promoting {
		return
	}
	if s.host.gateOpen && s.due(s.host.until) {
		s.phase = fenced
	}
}

// decide does what the phase wants done next. Each phase looks at all that is known, not at the event.
func (s *step) decide() {
	if s.phase == gone {
		return
	}
	if s.stop.requested && s.due(s.stop.deadline) {
		s.exit()
		return
	}
	if s.phase != waiting && !s.holds() {
		s.phase = waiting
	}
	switch s.phase {
	case waiting:
		s.wait()
	case promoting:
		s.promote()
	case serving:
		s.serve()
	case fenced:
		s.recover()
	case releasing:
		s.release()
	case gone:
	}
}

// wait closes the gate of an earlier term, pays what is owed to the peer, for whom the traffic waits, takes the
// addresses off, and then looks whether the Lease may be taken.
func (s *step) wait() {
	closed := s.shut()
	if !closed && s.owes() && s.host.closing.tries == 0 {
		return
	}
	paid := closed && s.grantOwed()
	withdrawn, settled := s.withdraw(), s.settled()
	if !withdrawn || !paid {
		return
	}
	s.become(Standby)
	switch {
	case s.stop.requested && s.holds():
		s.phase = releasing
	case s.stop.requested:
		s.leave()
	case s.holds():
		if s.passes(Inheritance, s.at) {
			s.startPromotion()
		}
	case settled && s.mayClaim():
		s.take()
	case settled:
		s.look()
	}
	if s.config.HeartbeatInterval != 0 {
		s.due(s.at + s.config.HeartbeatInterval) // Whoever looks often knows when it did not.
	}
}

// mayClaim tells whether the Lease may be taken, and asks to be woken when it may.
func (s *step) mayClaim() bool {
	from, _ := s.claimable()
	return s.due(from) && s.due(s.holdUntil) && s.passes(Takeover, s.at)
}

// leave exits as soon as no write can be under way that would make this unit the holder behind its back.
func (s *step) leave() {
	if !s.call.writes && !s.call.doubt {
		s.exit()
	}
}

// serve keeps the permit and the gate's deadline moving until the unit is to leave.
func (s *step) serve() {
	s.beat()
	s.keepForwarding()
	s.adjustGate()
	s.keepLease()
	s.handOver(s.switchover())
}

// recover keeps a fenced unit's gate closed and tries for a new permit. A write that succeeds proves that nobody took
// the Lease in between; an acknowledgement, that the peer does not mean to. The peer is asked for one only when the
// witness does not answer: a promise puts off what the peer would do about a unit that does not forward.
func (s *step) recover() {
	s.pairing.preparing = false
	withdrawn := s.retreat()
	if withdrawn {
		s.become(Standby)
	}
	if s.stop.requested {
		s.phase = releasing
		return
	}
	if !s.Permit().valid(s.at) {
		if s.settled() {
			s.write(s.tenureRecord(Nobody))
		}
		asked := s.call.unansweredAt >= s.host.until
		if asked && withdrawn {
			s.beat() // The witness does not answer. The peer may have heard this unit stand still, and nothing more.
		}
		if asked && s.config.Isolation == KeepForwarding {
			s.isolated = s.at + s.config.reach()
		}
	}
	if withdrawn && s.Permit().valid(s.at) && s.passes(Inheritance, s.at) {
		s.startPromotion()
	}
}

// release gives the Lease to nobody, once this unit forwards no more. It vouches for that as the giver only where the
// holder before it cannot forward either: an heir that leaves before the grant came has no word to give.
func (s *step) release() {
	if !s.retreat() {
		return
	}
	s.become(Standby)
	if !s.settled() {
		return
	}
	r := Record{Term: s.lease.record.Term}
	if s.fenceConfirmed() {
		r.Giver = s.config.Self
	}
	s.write(r)
}

func (s *step) become(role Role) {
	if s.task.Role == role {
		return
	}
	s.task = Become{Role: role, Term: s.lease.record.Term}
	s.emit(s.task)
}

func (s *step) exit() {
	s.phase = gone
	s.emit(Exit{})
}

func (s *step) emit(e Effect) { s.effects = append(s.effects, e) }

func (s *step) newID() uint64 {
	s.lastID++
	return s.lastID
}

// due tells whether the instant has come; if not, the machine asks to be woken then.
func (s *step) due(instant time.Duration) bool {
	if s.at >= instant {
		return true
	}
	if s.wake == 0 || instant < s.wake {
		s.wake = instant
	}
	return false
}
