package simulation

import (
	"fmt"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// Rule is what must hold.
type Rule uint8

// The rules.
const (
	// OneActive: never are two gates open at one instant, under the policy Fence; under KeepForwarding only where one of
	// them is open for nothing but that policy.
	OneActive Rule = iota + 1
	// TermsGrow: a term has one holder for good, and follows the one before it.
	TermsGrow
	// OneUser: the gate opens in a term for one life of one process alone.
	OneUser
	// GrantHonoured: a unit does not open its gate before its grant is over, unless the peer relinquished the role.
	GrantHonoured
	// NothingLost: who is promoted on direct evidence, or by a handover, has all that a standby acknowledged.
	NothingLost
	// Considerate: a process asks the API server a few times a second at the most, whatever goes wrong.
	Considerate
	// Recovers: after the last fault the pair is whole again within a bound.
	Recovers
	// AsPromised: a run with a single fault goes as is promised for that fault.
	AsPromised

	rules = int(AsPromised) + 1
)

// String returns the rule's name in reports.
func (r Rule) String() string {
	return [rules]string{
		"", "one active", "terms grow", "one user a term", "grant honoured", "nothing acknowledged is lost",
		"considerate", "recovers", "as promised",
	}[r]
}

// Violation is a rule that did not hold.
type Violation struct {
	Rule Rule
	At   time.Duration
	Text string
}

// String returns the rule, the instant and the reason.
func (v *Violation) String() string { return fmt.Sprintf("%s at %s: %s", v.Rule, v.At, v.Text) }

// judge looks at everything that happens.
type judge struct {
	world     *world
	violation *Violation
	// over is set when the run has shown all that it is going to.
	over   bool
	ledger ledger

	// opened and gaps are the openings in new terms and the times without an open gate, after the first.
	opened []opening
	gaps   []gap
	// holders, users, causes and vouched are of the terms.
	holders [maxTerms]ha.Incarnation
	users   [maxTerms]user
	causes  [maxTerms]ha.Cause
	vouched [maxTerms]bool
	// grants are the ends of the grants that the units gave, in true time.
	grants [2]time.Duration
	// isolated is set while the unit's gate is open for nothing but the policy.
	isolated [2]bool
	// wholeFrom is since when the pair is whole; negative while it is not.
	wholeFrom time.Duration
	// keptAlone is set when a gate was ever open for that.
	keptAlone bool
	// byHand is set when somebody deleted the Lease, and knows are the lives that had seen it held before.
	byHand bool
	knows  [2]uint32
	// termChanged is set when somebody wrote a term by hand, which may hide the true one for good. newest is the newest
	// term that was written.
	termChanged bool
	newest      uint64
	// before is what was when the drill's fault began.
	before situation
}

// opening is of a gate in a new term.
type opening struct {
	at           time.Duration
	unit         int
	term         uint64
	cause        ha.Cause
	relinquished bool
}

// gap is a time without an open gate.
type gap struct{ from, to time.Duration }

// user is a life of a unit.
type user struct {
	unit int
	life uint32
}

func (j *judge) reset(w *world) {
	opened, gaps := j.opened[:0], j.gaps[:0]
	*j = judge{world: w, opened: opened, gaps: gaps, wholeFrom: -1}
}

// fail notes the first violation of a rule that is looked at.
func (j *judge) fail(r Rule, format string, args ...any) { j.failAt(j.world.now, r, format, args...) }

// failAt stores a violation that is detected later than it happened.
func (j *judge) failAt(at time.Duration, r Rule, format string, args ...any) {
	w := j.world
	if j.violation != nil || w.broken.Shows != 0 && w.broken.Shows != r {
		return
	}
	if (j.byHand || j.termChanged) && (r == TermsGrow || r == OneUser) {
		return // They start again with a Lease that was deleted, and may differ where a term was lost.
	}
	j.violation = &Violation{Rule: r, At: at, Text: fmt.Sprintf(format, args...)}
	w.sayf("judge", "%s", j.violation)
}

// opens looks at a gate that was opened, or whose deadline was moved, and was as given before.
func (j *judge) opens(u *unit, before gate) {
	w := j.world
	other := u.other()
	if w.plan.Units[0].Machine.Isolation == ha.KeepForwarding {
		j.isolated[u.index] = u.machine.Permit().Source == ha.Isolated
		j.keptAlone = j.keptAlone || j.isolated[u.index]
	}
	excused := j.isolated[0] || j.isolated[1] || j.byHand && (!j.knew(u) || !j.knew(other))
	if other.gate.open(w.now) && !excused && !other.isUnaware() {
		j.fail(OneActive, "%s opens its gate in term %d until %s, and that of %s is open in term %d until %s",
			u.name(), u.gate.term, u.gate.closesAt, other.name(), other.gate.term, other.gate.closesAt)
	}
	if before.open(w.now) {
		return
	}
	if covered := max(before.closesAt, other.gate.closesAt); len(j.opened) != 0 && covered < w.now {
		j.gaps = append(j.gaps, gap{from: covered, to: w.now})
		w.sayf("judge", "no gate was open for %s", w.now-covered)
	}
	term := u.gate.term
	if j.released(u, term) {
		j.grants[u.index] = 0 // The peer does not need the grant any more.
	}
	if w.now < j.grants[u.index] {
		j.fail(GrantHonoured, "%s opens its gate, and its grant lasts until %s", u.name(), j.grants[u.index])
	}
	if term >= maxTerms {
		return
	}
	life := user{unit: u.index, life: u.life}
	switch j.users[term] {
	case user{}:
		j.users[term] = life
		j.promoted(u, term)
	case life:
	default:
		j.fail(OneUser, "life %d of %s opens its gate in term %d, as life %d of %s did before it",
			u.life, u.name(), term, j.users[term].life, Target(j.users[term].unit))
	}
}

// released reports whether the holder before the term is known to forward no more. The tenure of a Lease with a changed
// term may have a later term than the one that was handed over.
func (j *judge) released(u *unit, term uint64) bool {
	return u.relinquished >= term || j.termChanged && u.relinquished != 0 ||
		j.vouched[min(term, maxTerms-1)] || j.byHand && !j.knew(u)
}

// promoted looks at a gate that opened in a new term.
func (j *judge) promoted(u *unit, term uint64) {
	w := j.world
	cause := j.causes[term]
	j.opened = append(j.opened, opening{
		at: w.now, unit: u.index, term: term, cause: cause,
		relinquished: u.relinquished >= term,
	})
	w.pass(Opened)
	if other := u.other(); u.relinquished >= term && !j.byHand {
		other.produce()
		if lost := u.table.missing(&other.table.upTo); lost != 0 {
			j.fail(NothingLost, "%s is handed the role for %s with the state of term %d up to %s, and the giver had %s",
				u.name(), cause, lost, u.table.of(lost), other.table.of(lost))
		}
	}
	lossy := j.byHand || cause == ha.CauseExpiry || cause == ha.CauseFirst
	j.ledger.newest = term
	lost := u.table.missing(&j.ledger.upTo)
	if lost == 0 {
		return
	}
	if w.plan.Units[0].Machine.Isolation != ha.KeepForwarding && (!lossy || w.plan.Drill != NoDrill) {
		j.fail(NothingLost, "%s is promoted for %s with the state of term %d up to %s, and was acknowledged %s",
			u.name(), cause, lost, u.table.of(lost), j.ledger.upTo[lost])
	}
	j.ledger.forget(&u.table)
}

// granted notes a grant that the unit gives by its next acknowledgement.
func (j *judge) granted(u *unit) {
	until := u.when(u.decidedAt + u.wanted + u.wanted/100)
	j.grants[u.index] = max(j.grants[u.index], until)
	if u.gate.open(j.world.now) && u.gate.life == u.life {
		j.fail(GrantHonoured, "%s gives a grant, and its gate is open", u.name())
	}
}

// written looks at a write of the Lease.
func (j *judge) written(before, r ha.Record) {
	j.newest = max(j.newest, r.Term)
	switch {
	case r.Term < before.Term:
		j.fail(TermsGrow, "the Lease goes from term %d to %d", before.Term, r.Term)
	case r.Term == before.Term && r.Holder != before.Holder && r.Holder != ha.Nobody:
		j.fail(TermsGrow, "%q takes the Lease from %q in term %d", r.Holder, before.Holder, r.Term)
	case r.Term > before.Term+1:
		j.fail(TermsGrow, "the Lease goes from term %d to %d", before.Term, r.Term)
	}
	if r.Term >= maxTerms || r.Holder == ha.Nobody {
		return
	}
	if h := j.holders[r.Term]; h != ha.Nobody && h != r.Holder {
		j.fail(TermsGrow, "%q holds term %d, as %q did before it", r.Holder, r.Term, h)
	}
	j.holders[r.Term], j.causes[r.Term] = r.Holder, r.Cause
	if before.Holder == ha.Nobody && before.Giver != ha.Nobody {
		j.vouched[r.Term] = true
	}
}

// remade deletes the terms, which start again with a Lease that was deleted. A process that never saw the old Lease
// cannot distinguish the new one from that of a new pair, and is excused.
func (j *judge) remade() {
	for i := range j.world.units {
		u := &j.world.units[i]
		if u.alive && u.machine.Holder() != ha.Nobody && (!j.byHand || j.knew(u)) {
			j.knows[i] = u.life
		}
	}
	j.byHand = true
	j.users, j.causes = [maxTerms]user{}, [maxTerms]ha.Cause{}
}

// knew reports whether the unit's process had seen the Lease held before it was deleted.
func (j *judge) knew(u *unit) bool { return j.knows[u.index] == u.life }

// asked looks at a request to the API server.
func (j *judge) asked(u *unit) {
	now := j.world.now
	at := &u.asked[u.asks%maxAsks]
	if u.asks >= maxAsks && now-*at < time.Second {
		j.fail(Considerate, "%s asks the API server more than %d times in a second", u.name(), maxAsks)
	}
	*at = now
	u.asks++
}

const (
	// maxAsks is how often a process may ask the API server in a second.
	maxAsks = 20
	// wholeFor is how long the pair must be whole before a run ends.
	wholeFor = 400 * time.Millisecond
)

// look checks after every event whether the pair is complete again.
func (j *judge) look() {
	w := j.world
	if !w.quiet() {
		j.wholeFrom = -1
		return
	}
	if !j.whole() {
		j.wholeFrom = -1
		if bound := w.plan.recovery(); w.now > max(w.quietFrom, w.quietSince())+bound {
			j.fail(Recovers, "%s after the last fault %s", bound, j.ailing())
			j.over = true
		}
		return
	}
	if j.wholeFrom < 0 {
		j.wholeFrom = w.now
	}
	if w.now-j.wholeFrom >= wholeFor {
		j.over = true
	}
}

// quietSince returns when the last fault could begin that never did.
func (w *world) quietSince() time.Duration {
	if len(w.waiting) != 0 {
		return w.plan.TroubleEnds
	}
	return 0
}

// recovery returns how long after the last fault the pair must be complete. The longest way is that of a Lease whose
// holder is gone for good. It is waited out, perhaps once more after a promotion that failed, and then the pair is
// formed.
func (p *Plan) recovery() time.Duration {
	a, b := &p.Units[0].Machine, &p.Units[1].Machine
	lease, grant := max(a.LeaseDuration, b.LeaseDuration), max(a.Grant, b.Grant)
	bound := 2*outlast(lease) + 2*outlast(grant) + p.Delays.Silence + p.Delays.Snapshot + 3*time.Second
	if a.Preemption.Enabled {
		bound += a.Preemption.Delay + 2*time.Second
	}
	return bound
}

// outlast returns how long a unit waits for the end of a duration by another's clock.
func outlast(d time.Duration) time.Duration { return d + d/100 }

// whole reports whether exactly one unit is active, and the other is its standby. The standby may be missing after a
// deletion of the Lease, and after a changed term that only new processes saw: terms start again below those that
// replication knows, and it takes no state of an older term.
func (j *judge) whole() bool {
	w := j.world
	a, b := &w.units[0], &w.units[1]
	if !b.gate.open(w.now) == !a.gate.open(w.now) {
		return false
	}
	if b.gate.open(w.now) {
		if w.plan.Units[0].Machine.Preemption.Enabled && !j.byHand {
			return false
		}
		a, b = b, a
	}
	r := &w.server.record
	restarted := j.byHand || j.termChanged && r.Term < j.newest
	return a.alive && b.alive && r.Holder == a.self && (r.Standby == b.self || restarted) && a.gate.life == a.life &&
		a.machine.Role() == ha.Active && b.machine.Role() == ha.Standby
}

// ailing describes what is missing from a complete pair.
func (j *judge) ailing() string {
	w := j.world
	text := ""
	for i := range w.units {
		u := &w.units[i]
		state := "dead"
		if u.alive {
			state = u.machine.Role().String()
			for _, o := range u.machine.Obstacles() {
				state += " (" + string(o) + ")"
			}
		}
		if u.gate.open(w.now) {
			state += " with an open gate"
		}
		text += fmt.Sprintf("%s is %s, ", u.name(), state)
	}
	return text + "and the Lease is " + describeRecord(w.server.record)
}

// finish judges what can only be told at the end.
func (j *judge) finish() {
	if j.violation == nil && j.world.plan.Drill != NoDrill {
		j.judgeDrill()
	}
}
