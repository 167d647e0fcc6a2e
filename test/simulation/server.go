package simulation

import (
	"math"
	"strconv"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// versions are names of versions; making strings takes time.
var versions = func() (all [1024]string) {
	for i := range all {
		all[i] = strconv.Itoa(i)
	}
	return all
}()

// server is the API server with one Lease, and what is between it and the units.
type server struct {
	world *world
	// existsFrom is when the operator makes the Lease.
	existsFrom time.Duration
	record     ha.Record
	previous   ha.Record
	// changed is the term that somebody wrote in place of the record's own; zero if nobody did.
	changed  uint64
	writes   int
	version  int
	requests []request
}

// request is one on its way, being served, or answered.
type request struct {
	unit     uint8
	life     uint32
	id       uint64
	writing  bool
	answered bool
	outcome  ha.Outcome
	record   ha.Record
	sentAt   time.Duration
}

// client is a process's side of the API server.
type client struct {
	// watchedAt is when the last record of the watch arrives, which keeps them in order.
	watchedAt time.Duration
	// relisting is set while the watch is to start again.
	relisting bool
	// asked are the instants of its newest requests, and asks how many there were.
	asked [maxAsks]time.Duration
	asks  int
	// answerLate is how long the last write that succeeded took, for a mutation.
	answerLate time.Duration
}

func (s *server) reset(w *world) {
	requests := s.requests
	*s = server{world: w, requests: requests[:0]}
	s.existsFrom = w.plan.LeaseAppears
	s.record.Version = versions[0]
}

// there reports whether the Lease exists.
func (s *server) there() bool { return s.world.now >= s.existsFrom }

// remove deletes the Lease, until the operator makes a new one, of which nothing is written.
func (s *server) remove(until time.Duration) {
	s.existsFrom = max(s.existsFrom, until)
	s.version++
	s.previous, s.record, s.changed = s.record, ha.Record{Version: versions[s.version%len(versions)]}, 0
	s.world.judge.remade()
	for i := range s.world.units {
		if u := &s.world.units[i]; u.alive {
			u.watchFromAnew(s.existsFrom - s.world.now + s.way(u))
		}
	}
}

// way returns how long one way between the unit and the API server takes.
func (s *server) way(u *unit) time.Duration {
	w := s.world
	d := u.noise.between(w.plan.Delays.API/4, w.plan.Delays.API)
	if w.now < u.slowAPIUntil {
		d += u.noise.upTo(u.slowAPI)
	}
	return d
}

// ask sends a request. It may be refused, be lost, or arrive when its sender has long given up.
func (s *server) ask(u *unit, id uint64, writing bool, r ha.Record) {
	w := s.world
	w.judge.asked(u)
	s.requests = append(s.requests, request{
		unit: uint8(u.index), life: u.life, id: id, writing: writing, record: r, sentAt: u.local(),
	})
	ref := uint32(len(s.requests) - 1)
	patience := w.plan.Units[u.index].Machine.LeaseDuration / 3
	w.after(patience, event{what: onTimeout, ref: ref})
	way := s.way(u)
	if w.now < u.lateUntil && u.noise.chance(50) {
		way = patience + u.noise.upTo(u.late)
		w.disturbed(w.now + way + w.plan.Delays.API)
		w.after(way, event{what: onRequest, ref: ref})
		return
	}
	if w.now < u.apiCutUntil {
		if u.noise.chance(50) {
			w.after(way, event{what: onAnswer, ref: ref}) // Refused at once.
		}
		return
	}
	w.after(way, event{what: onRequest, ref: ref})
}

// serve handles a request at the API server.
func (s *server) serve(ref uint32) {
	w, q := s.world, &s.requests[ref]
	u := &w.units[q.unit]
	if w.now < u.apiCutUntil && w.now >= u.lateUntil {
		return // It was on its way when the way was cut.
	}
	switch {
	case !s.there():
		q.outcome = ha.Absent
	case !q.writing:
		q.outcome, q.record = ha.Read, s.shown()
	case w.broken.Mutation == EndlessConflict && w.now > second,
		q.record.Version != s.record.Version && w.broken.Mutation != NoSwap:
		q.outcome = ha.Conflict
	default:
		s.write(q.record)
		q.outcome, q.record = ha.Written, s.record
	}
	if w.now < u.loseAnswersUntil && u.noise.chance(u.loseAnswers) {
		if u.noise.chance(50) {
			return
		}
		q.outcome = ha.Unknown // An error after the fact.
	}
	w.after(s.way(u), event{what: onAnswer, ref: ref})
}

// write replaces the Lease. What somebody else says in it stays.
func (s *server) write(r ha.Record) {
	w := s.world
	s.previous = s.record
	s.version++
	s.writes++
	r.Version = versions[s.version%len(versions)]
	r.Paused, r.SwitchoverTo = s.previous.Paused, s.previous.SwitchoverTo
	s.record, s.changed = r, 0
	if w.trace != nil {
		w.sayf("witness", "%s", describeRecord(r))
	}
	w.judge.written(s.previous, r)
	if r.SwitchoverTo != "" && r.Holder.Unit() == r.SwitchoverTo {
		w.after(w.plan.Delays.API, event{what: onRequestHandled})
	}
	for i := range w.units {
		s.tellWatch(&w.units[i])
	}
	switch {
	case r.Holder != s.previous.Holder && r.Holder != ha.Nobody && r.Giver != ha.Nobody:
		w.pass(HandedOver)
	case r.Holder != s.previous.Holder && r.Holder != ha.Nobody:
		w.pass(Claimed)
	case r.Standby != ha.Nobody && r.Standby != r.Holder && s.previous.Standby != r.Standby:
		w.pass(Named)
	case r.Standby == ha.Nobody && s.previous.Standby != ha.Nobody:
		w.pass(Unnamed)
	}
}

// touch writes the Lease for somebody else.
func (s *server) touch(change func(r *ha.Record)) {
	if !s.there() {
		return
	}
	s.previous = s.record
	s.version++
	s.record.Version = versions[s.version%len(versions)]
	if change != nil {
		change(&s.record)
	}
	if s.world.trace != nil {
		s.world.sayf("witness", "touched: %s", describeRecord(s.record))
	}
	for i := range s.world.units {
		s.tellWatch(&s.world.units[i])
	}
}

// changeTerm writes a term by hand: one that no unit can have reached, or one that is only wrong.
func (s *server) changeTerm(n *noise) {
	if !s.there() {
		return
	}
	s.changed = pick[uint64](n, math.MaxInt32, math.MaxUint64, 1<<30+1)
	if s.world.plan.Drill == NoDrill && n.chance(50) {
		// A standby believes these, and may take over if the repair is slow.
		s.changed = pick(n, s.record.Term+3, s.record.Term/2)
		s.world.judge.newest = max(s.world.judge.newest, s.changed)
	}
	s.world.judge.termChanged = true
	s.touch(nil)
}

// shown returns the record as readers see it.
func (s *server) shown() ha.Record {
	r := s.record
	if s.changed != 0 {
		r.Term = s.changed
	}
	return r
}

// handled lets the operator remove a request for a switchover once the unit holds the Lease.
func (s *server) handled() {
	if r := s.record; r.SwitchoverTo != "" && r.Holder.Unit() == r.SwitchoverTo {
		s.touch(func(r *ha.Record) { r.SwitchoverTo = "" })
	}
}

// answer ends a request, by its answer or by the client's patience, whichever is first.
func (s *server) answer(ref uint32, timeout bool) {
	w, q := s.world, &s.requests[ref]
	u := &w.units[q.unit]
	if q.answered || !u.alive || u.life != q.life {
		return
	}
	a := ha.LeaseAnswered{ID: q.id, Outcome: q.outcome, Record: q.record}
	if timeout || q.outcome == ha.Unknown {
		a = ha.LeaseAnswered{ID: q.id, Outcome: ha.Unknown}
		if q.writing && w.broken.Mutation == TrustedSilence {
			a = ha.LeaseAnswered{ID: q.id, Outcome: ha.Written, Record: q.record}
		}
	} else if w.now < u.apiCutUntil {
		return // Lost on its way back.
	}
	q.answered = true
	if a.Outcome == ha.Written {
		u.answerLate = u.local() - q.sentAt
	}
	u.deliver(a)
}

// tellWatch brings the record to the unit's watch, unless the watch is broken; then it starts again after a while.
func (s *server) tellWatch(u *unit) {
	w := s.world
	if !u.alive {
		return
	}
	if w.now < u.apiCutUntil || w.now < u.watchBrokenUntil {
		u.watchFromAnew(u.noise.upTo(w.plan.Units[u.index].Machine.LeaseDuration))
		return
	}
	if !u.relisting {
		s.see(u, s.shown())
	}
	if w.now < u.staleUntil {
		at := w.now + u.noise.upTo(u.stale)
		w.disturbed(at)
		w.at(at, event{
			what: onFact, unit: uint8(u.index), life: u.life, ref: w.note(ha.LeaseSeen{Record: s.previous}),
		})
	}
}

func (s *server) see(u *unit, r ha.Record) {
	w := s.world
	u.watchedAt = max(u.watchedAt, w.now+s.way(u))
	w.at(u.watchedAt, event{what: onFact, unit: uint8(u.index), life: u.life, ref: w.note(ha.LeaseSeen{Record: r})})
}

// watchFromAnew lets the watch begin with a plain read, as soon as it can after the pause.
func (u *unit) watchFromAnew(pause time.Duration) {
	if u.relisting {
		return
	}
	w := u.world
	u.relisting = true
	at := max(w.now, u.apiCutUntil, u.watchBrokenUntil) + pause
	w.at(at, event{what: onRelist, unit: uint8(u.index), life: u.life})
}

func (s *server) relist(u *unit, life uint32) {
	w := s.world
	if !u.alive || u.life != life {
		return
	}
	u.relisting = false
	if w.now < u.apiCutUntil || w.now < u.watchBrokenUntil || !s.there() {
		u.watchFromAnew(u.noise.upTo(200*time.Millisecond) + time.Millisecond)
		return
	}
	s.see(u, s.shown())
}

func describeRecord(r ha.Record) string {
	text := "free"
	if r.Holder != ha.Nobody {
		text = "held by " + string(r.Holder)
	}
	if r.Giver != ha.Nobody {
		text += ", given by " + string(r.Giver)
	}
	if r.Standby != ha.Nobody {
		text += ", standby " + string(r.Standby)
	}
	text += ", term " + strconv.FormatUint(r.Term, 10)
	if r.Cause != ha.CauseUnknown {
		text += " by " + r.Cause.String()
	}
	if r.Paused {
		text += ", paused"
	}
	if r.SwitchoverTo != "" {
		text += ", switchover to " + r.SwitchoverTo
	}
	return text + ", version " + r.Version
}
