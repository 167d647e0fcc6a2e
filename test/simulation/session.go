package simulation

import (
	"errors"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

const (
	// pulseInterval is how often a session carries state, and looks whether its other end is there.
	pulseInterval = 100 * time.Millisecond
	// flushTimeout and relinquishTimeout are those of package sidecar.
	flushTimeout      = 5 * time.Second
	relinquishTimeout = 2 * time.Second
	// flushLook is how often a flush looks whether the standby is in sync, before which it cannot pass.
	flushLook = 10 * time.Millisecond
)

var errNoStandby = errors.New("no standby is connected")

// session is the replication between the two processes: a connection on which frames arrive in order.
type session struct {
	world *world
	noise noise
	// number is that of the newest session.
	number uint32
	ends   [2]end
	// slowUntil delays frames by up to slow; before syncsFrom no standby gets in sync, and before dialsFrom nobody can
	// connect.
	slowUntil, slow, syncsFrom, dialsFrom time.Duration
	flushes                               []flush
	snapshots                             uint32
}

// end is one unit's side.
type end struct {
	// open is set while this side believes in the connection; heardAt is when the other was there last.
	open    bool
	life    uint32
	heardAt time.Duration
	// peer is what the other side said it is.
	peer ha.Become
	// sending has the number of the transfer that brought or brings the other side in sync.
	sending uint32
	inSync  bool
	// relinquished is set from a grant on until the next role: nothing more is sent, and nothing said about being in sync.
	relinquished bool
	// frames are on their way to this side; the next arrives at arrivesAt.
	frames    []frame
	head      int
	arrivesAt time.Duration
	// snapshot is what the last snapshot frame to the other side carries.
	snapshot table
}

// replication is a process's side of all sessions.
type replication struct {
	role ha.Become
	// floor is the newest term that it knows of.
	floor uint64
	// keys are the numbers of the two newest sessions, newest first, and peerLife whom the newest is with.
	keys     [2]uint32
	peerLife uint32
	// reportedAt is when the last thing is told that it found out.
	reportedAt time.Duration
}

// frame is what a session carries.
type frame struct {
	kind frameKind
	role ha.Become
	// term is in which its sender is active, or which it grants. What it carries is the state of the term made up to the
	// instant.
	term, made uint64
	upTo       time.Duration
	inSync     bool
	flush      uint32
	transfer   uint32
	sequence   uint64
}

type frameKind uint8

const (
	roleFrame frameKind = iota
	snapshotFrame
	snapshotAckFrame
	syncFrame
	deltaFrame
	barrierFrame
	barrierAckFrame
	relinquishFrame
	relinquishAckFrame
)

// flush is one under way, for a grant or for itself.
type flush struct {
	id         uint64
	life       uint32
	unit       uint8
	asked      bool
	done       bool
	session    uint32
	giveUpAt   time.Duration
	relinquish ha.Relinquish
}

func (s *session) reset(w *world) {
	flushes, frames := s.flushes[:0], [2][]frame{s.ends[0].frames[:0], s.ends[1].frames[:0]}
	*s = session{world: w, flushes: flushes}
	s.ends[0].frames, s.ends[1].frames = frames[0], frames[1]
	s.noise.seed(w.plan.Noise, 3)
}

// dial connects the secondary, if it has no connection and reaches the primary's process.
func (s *session) dial() {
	w := s.world
	listener, dialer := &w.units[0], &w.units[1]
	w.after(w.plan.Delays.Redial, event{what: onDial})
	reachable := listener.alive && dialer.alive && !w.line.severed() && w.now >= s.dialsFrom &&
		w.now >= listener.pausedUntil && w.now >= dialer.pausedUntil
	if !reachable || s.ends[1].open && s.ends[1].life == dialer.life {
		return
	}
	if s.ends[0].open {
		s.lose(listener)
	}
	s.number++
	for i := range w.units {
		u := &w.units[i]
		e := &s.ends[i]
		*e = end{open: true, life: u.life, heardAt: w.now, frames: e.frames[:0]}
		u.keys = [2]uint32{s.number, u.keys[0]}
		u.peerLife = u.other().life
	}
	for i := range w.units {
		u := &w.units[i]
		w.sayf(u.name(), "connects to %s", u.other().self)
		s.send(u, frame{kind: roleFrame, role: u.role})
		s.report(u, s.noise.upTo(w.plan.Delays.Net), ha.PeerConnected{Incarnation: u.other().self})
	}
	w.pass(Connected)
	w.after(pulseInterval, event{what: onPulse, number: s.number})
}

// lose ends the unit's side.
func (s *session) lose(u *unit) {
	e := &s.ends[u.index]
	if !e.open || e.life != u.life {
		return
	}
	s.setInSync(u, false)
	e.open = false
	s.world.sayf(u.name(), "is disconnected")
	s.report(u, 0, ha.PeerDisconnected{})
}

// left ends the session after the unit's process has died. Its kernel reports that to the peer, if it is reachable.
func (s *session) left(u *unit) {
	e := &s.ends[u.index]
	if !e.open {
		return
	}
	e.open = false
	s.world.after(s.world.line.way(), event{what: onReset, unit: uint8(1 - u.index), number: s.number})
}

// broken breaks the session at both ends.
func (s *session) broken() {
	for i := range s.ends {
		s.world.after(s.noise.upTo(20*time.Millisecond), event{what: onReset, unit: uint8(i), number: s.number})
	}
}

func (s *session) hangUp(e event) {
	u := &s.world.units[e.unit]
	if e.number == s.number && u.alive && !s.world.line.severed() {
		s.lose(u)
	}
}

// present reports whether the unit's process would answer on its end of the session.
func (s *session) present(u *unit) bool {
	e := &s.ends[u.index]
	return u.alive && e.open && e.life == u.life && s.world.now >= u.pausedUntil
}

// pulse carries what changed, and lets an end give up that has not heard of the other for too long.
func (s *session) pulse(number uint32) {
	w := s.world
	if number != s.number {
		return
	}
	open := false
	for i := range w.units {
		u, e := &w.units[i], &s.ends[i]
		if !s.present(u) {
			open = open || e.open
			continue
		}
		if s.present(u.other()) && !w.line.severed() {
			e.heardAt = w.now
		}
		gone := !w.line.severed() && !s.ends[1-i].open
		if gone || w.now-e.heardAt > w.plan.Delays.Silence {
			s.lose(u)
			continue
		}
		open = true
		if e.inSync && s.sends(u) {
			u.produce()
			s.send(u, frame{kind: deltaFrame, term: u.role.Term, made: u.gate.term, upTo: u.table.of(u.gate.term)})
		}
	}
	if open {
		w.after(pulseInterval, event{what: onPulse, number: number})
	}
}

// sends reports whether state flows from the unit to its peer.
func (s *session) sends(u *unit) bool {
	e := &s.ends[u.index]
	return e.open && !e.relinquished && u.role.Role == ha.Active && e.peer.Role == ha.Standby && u.role.Term >= u.floor
}

// send puts a frame on its way to the other end.
func (s *session) send(u *unit, f frame) {
	w := s.world
	e := &s.ends[1-u.index]
	if !s.ends[u.index].open {
		return
	}
	way := w.line.way()
	if w.now < s.slowUntil {
		way += s.noise.upTo(s.slow)
		w.disturbed(w.now + way)
	}
	e.frames = append(e.frames, f)
	e.arrivesAt = max(e.arrivesAt, w.now+way)
	w.at(e.arrivesAt, event{what: onFrame, unit: uint8(1 - u.index), number: s.number})
}

// deliver brings the first of the frames that are on their way. A cut, or a process that stands still, holds them up.
func (s *session) deliver(ev event) {
	w := s.world
	u, e := &w.units[ev.unit], &s.ends[ev.unit]
	if ev.number != s.number || !e.open || !u.alive || e.life != u.life {
		return
	}
	if held := max(w.line.cutUntil[0], w.line.cutUntil[1], u.pausedUntil); w.now < held {
		e.arrivesAt = max(e.arrivesAt, held)
		w.at(held, ev)
		return
	}
	f := e.frames[e.head]
	e.head++
	if e.head == len(e.frames) {
		e.frames, e.head = e.frames[:0], 0
	}
	s.receive(u, e, f)
}

func (s *session) receive(u *unit, e *end, f frame) {
	switch f.kind {
	case roleFrame:
		e.peer = f.role
		s.reconsider(u)
	case snapshotFrame:
		if s.accept(u, f.term) {
			s.replace(u, f)
			s.send(u, frame{kind: snapshotAckFrame, transfer: f.transfer})
		}
	case snapshotAckFrame:
		if s.sends(u) && e.sending == f.transfer {
			s.send(u, frame{kind: syncFrame, term: u.role.Term, inSync: true})
			s.setInSync(u, true)
		}
	case syncFrame:
		if s.accept(u, f.term) {
			s.setInSync(u, f.inSync)
		}
	case deltaFrame:
		if s.accept(u, f.term) {
			s.apply(u, f)
		}
	case barrierFrame:
		if s.accept(u, f.term) {
			s.apply(u, f)
			s.send(u, frame{kind: barrierAckFrame, flush: f.flush})
		}
	case barrierAckFrame:
		s.flushed(u, f.flush)
	case relinquishFrame:
		if f.term >= u.floor && s.world.broken.Mutation != LostRelinquishes {
			u.floor = f.term
			u.relinquished = max(u.relinquished, f.term)
			s.report(u, 0, ha.PeerRelinquished{Term: f.term, Sequence: f.sequence})
			s.send(u, frame{kind: relinquishAckFrame, flush: f.flush})
		}
	case relinquishAckFrame:
		s.endFlush(f.flush, nil)
	}
}

// accept stores the term of incoming state. It returns false if the unit must not take that state.
func (s *session) accept(u *unit, term uint64) bool {
	if u.role.Role != ha.Standby || term < u.floor {
		return false
	}
	u.floor = term
	return true
}

// apply writes what a frame carries into the kernel, which acknowledges it.
func (s *session) apply(u *unit, f frame) {
	u.table.has(f.made, f.upTo)
	s.world.judge.ledger.acknowledged(f.made, f.upTo)
}

// replace makes the kernel's state equal to the peer's.
func (s *session) replace(u *unit, f frame) {
	if s.world.broken.Mutation != HollowSync {
		u.table = s.ends[1-u.index].snapshot
	}
	s.world.judge.ledger.acknowledged(f.term, s.ends[1-u.index].snapshot.of(f.term))
	s.world.pass(Synced)
}

// become sets the role of replication, as the state machine wants it.
func (s *session) become(u *unit, b ha.Become) {
	if u.role == b {
		return
	}
	if b.Role == ha.Active && u.role.Role == ha.Active { // The tenure continues in a later term.
		u.produce()
		u.gate.term = b.Term
	}
	u.role = b
	u.floor = max(u.floor, b.Term)
	e := &s.ends[u.index]
	if !e.open || e.life != u.life {
		return
	}
	e.relinquished = false
	e.sending = 0
	s.setInSync(u, false)
	s.send(u, frame{kind: roleFrame, role: b})
	s.reconsider(u)
}

// reconsider begins or ends to send, after a change of what the units are.
func (s *session) reconsider(u *unit) {
	e := &s.ends[u.index]
	if e.relinquished {
		return
	}
	e.sending = 0
	if !s.sends(u) {
		if u.role.Role != ha.Standby || e.peer.Role != ha.Active {
			s.setInSync(u, false)
		}
		return
	}
	s.setInSync(u, false)
	s.send(u, frame{kind: syncFrame, term: u.role.Term})
	s.transfer(u)
}

// transfer begins to bring the peer in sync.
func (s *session) transfer(u *unit) {
	w := s.world
	s.snapshots++
	s.ends[u.index].sending = s.snapshots
	took := max(w.now, s.syncsFrom) + s.noise.between(w.plan.Delays.Snapshot/4, w.plan.Delays.Snapshot)
	w.at(took, event{what: onSnapshot, unit: uint8(u.index), ref: s.snapshots, number: s.number})
}

// transferred ends a transfer.
func (s *session) transferred(ev event) {
	w := s.world
	u, e := &w.units[ev.unit], &s.ends[ev.unit]
	if ev.number != s.number || e.sending != ev.ref || !s.present(u) || !s.sends(u) {
		if ev.number == s.number && e.sending == ev.ref && u.alive && w.now < u.pausedUntil {
			w.at(u.pausedUntil, ev)
		}
		return
	}
	if w.now < s.syncsFrom || w.line.severed() {
		w.at(max(s.syncsFrom, w.line.cutUntil[0], w.line.cutUntil[1])+w.plan.Delays.Net, ev)
		return
	}
	u.produce()
	e.snapshot = u.table
	s.send(u, frame{kind: snapshotFrame, term: u.role.Term, transfer: ev.ref})
}

// lag lets the standby be behind for a while.
func (s *session) lag() {
	for i := range s.world.units {
		u := &s.world.units[i]
		if s.present(u) && s.sends(u) {
			s.setInSync(u, false)
			s.send(u, frame{kind: syncFrame, term: u.role.Term})
			s.transfer(u)
		}
	}
}

// setInSync notes what the unit thinks of the standby, and tells the machine when that changes.
func (s *session) setInSync(u *unit, inSync bool) {
	e := &s.ends[u.index]
	if e.inSync != inSync {
		e.inSync = inSync
		s.report(u, 0, ha.SyncChanged{InSync: inSync})
	}
}

// report sends the unit's state machine what replication found out, in order.
func (s *session) report(u *unit, d time.Duration, f ha.Fact) {
	u.reportedAt = max(u.reportedAt, s.world.now+d)
	u.later(u.reportedAt-s.world.now, f)
}
