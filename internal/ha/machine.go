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
	permit Permit
	tenure tenure
	// claimed is the highest term that this unit tried to take on its own account.
	claimed uint64

	promotion promotion
	// holdUntil ends the time in which a failed promotion is not tried again.
	holdUntil time.Duration
	handover  handover
	// granted is the highest term whose predecessors the peer has left.
	granted uint64

	firewallInForce bool
	peer            peer
	stop            stop
}

// peer is what the replication session tells of the other unit.
type peer struct {
	incarnation Incarnation
	inSync      bool
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

// Permit is the right to forward as it stands.
func (m Machine) Permit() Permit { return m.permit }

// Promotion is the report of the current promotion, or of the last.
func (m Machine) Promotion() Report { return m.promotion.report }

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

// holds tells whether the Lease, as last seen, names this process.
func (m Machine) holds() bool { return m.lease.known && m.lease.record.Holder == m.config.Self }

// step is a Machine on its way to the next, with the effects found so far.
type step struct {
	Machine
	at      time.Duration
	effects []Effect
}

// Step takes in one event and returns the machine after it, with what is to be done.
func (m Machine) Step(ev Event) (Machine, []Effect) {
	s := &step{Machine: m, at: max(ev.At, m.now)}
	s.now, s.wake = s.at, 0
	s.absorb(ev.Fact)
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
		s.peer = peer{incarnation: f.Incarnation}
	case PeerDisconnected:
		s.peer = peer{}
	case SyncChanged:
		s.peer.inSync = f.InSync
	case GrantReceived:
		s.granted = max(s.granted, f.Term)
		if f.Term > s.lease.record.Term {
			s.call.doubt = true // The grant overtook the watch: look now, traffic is waiting.
		}
	case EffectDone:
		s.hostDone(f)
		s.promotionDone(f)
		s.handoverDone(f)
	case HeartbeatReceived:
	case HeartbeatAcknowledged:
	case HealthChanged:
	case StopRequested:
		s.stop = stop{requested: true, deadline: f.Deadline}
	}
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

// wait withdraws what is left of an earlier term, pays what is owed to the peer, and looks whether the Lease may be
// taken.
func (s *step) wait() {
	withdrawn, settled := s.retreat(), s.settled()
	if !withdrawn || !s.grantOwed() {
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
	case settled && s.due(s.lease.freeAt(s.config)) && s.due(s.holdUntil) && s.passes(Takeover, s.at):
		s.take()
	}
}

// leave exits as soon as no write can be under way that would make this unit the holder behind its back.
func (s *step) leave() {
	if !s.call.writes && !s.call.doubt {
		s.exit()
	}
}

// serve keeps the permit and the gate's deadline moving until the unit is to leave.
func (s *step) serve() {
	s.extendGate()
	s.renew()
	if s.stop.requested {
		s.handOver()
	}
}

// recover keeps a fenced unit's gate closed and tries for a new permit. A renewal that succeeds proves that nobody
// took the Lease in between.
func (s *step) recover() {
	withdrawn := s.retreat()
	if withdrawn {
		s.become(Standby)
	}
	if s.stop.requested {
		s.phase = releasing
		return
	}
	s.renew()
	if withdrawn && s.permit.valid(s.at) && s.passes(Inheritance, s.at) {
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
