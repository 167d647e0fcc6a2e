package simulation

import (
	"github.com/hapair-io/hapair/internal/ha"
)

// flush starts to wait until everything that changed is in the peer's kernel, and then relinquishes the role if that is
// given.
func (s *session) flush(u *unit, id uint64, relinquish *ha.Relinquish) {
	w := s.world
	limit := flushTimeout
	f := flush{id: id, life: u.life, unit: uint8(u.index), session: s.number}
	if relinquish != nil {
		f.relinquish, limit = *relinquish, relinquishTimeout
	} else {
		w.pass(Flushing)
	}
	f.giveUpAt = w.now + limit
	s.flushes = append(s.flushes, f)
	s.lookAtFlush(event{ref: uint32(len(s.flushes) - 1)})
}

// lookAtFlush asks the peer as soon as it holds a first copy of everything, or gives up.
func (s *session) lookAtFlush(e event) {
	w, f := s.world, &s.flushes[e.ref]
	u := &w.units[f.unit]
	end := &s.ends[f.unit]
	switch {
	case f.done || !u.alive || u.life != f.life:
		return
	case w.now < u.pausedUntil:
		w.at(u.pausedUntil, event{what: onFlush, ref: e.ref})
		return
	case !end.open || end.life != u.life || f.session != s.number || !f.asked && !s.sends(u) || w.now >= f.giveUpAt:
		s.endFlush(e.ref, errNoStandby)
		return
	case end.inSync && !f.asked:
		f.asked = true
		u.produce()
		s.send(u, frame{
			kind: barrierFrame, term: u.role.Term, made: u.gate.term, upTo: u.table.of(u.gate.term), flush: e.ref,
		})
	}
	w.after(flushLook, event{what: onFlush, ref: e.ref})
}

// flushed continues after the peer's answer: a flush is done, and relinquishing sends its frame. From here on nothing
// of this term is sent, nor about being in sync. The peer must judge by the last state before, whether it may take
// over.
func (s *session) flushed(u *unit, ref uint32) {
	f := &s.flushes[ref]
	if f.done || u.life != f.life {
		return
	}
	if f.relinquish.ID == 0 {
		s.endFlush(ref, nil)
		return
	}
	s.ends[u.index].relinquished = true
	s.world.pass(Relinquished)
	s.send(u, frame{kind: relinquishFrame, term: f.relinquish.Term, sequence: f.relinquish.Sequence, flush: ref})
}

func (s *session) endFlush(ref uint32, err error) {
	f := &s.flushes[ref]
	u := &s.world.units[f.unit]
	if f.done || u.life != f.life {
		return
	}
	f.done = true
	u.later(0, ha.EffectDone{ID: f.id, Err: err})
}

// relinquishEarly relinquishes the role before the gate is closed. It is a mutation.
func (s *session) relinquishEarly(u *unit) {
	if s.sends(u) {
		s.send(u, frame{
			kind: relinquishFrame, term: u.machine.Term() + 1, sequence: s.world.line.newest[u.index],
			flush: uint32(len(s.flushes)),
		})
	}
}
