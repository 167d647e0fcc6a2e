package ha

import (
	"fmt"
	"strings"
	"time"
)

// Stage is one step of a promotion.
type Stage uint8

// The stages, in their order.
const (
	// FenceConfirmed: the former holder cannot forward any more.
	FenceConfirmed Stage = iota
	// StateCommitted: what it replicated counts in this unit's kernel.
	StateCommitted
	// GateOpen: this unit forwards.
	GateOpen
	// AddressesAttached: the virtual addresses are on their interfaces.
	AddressesAttached
	// Announced: the neighbours were told.
	Announced
	// Verified: the host was looked at and is as it should be.
	Verified

	stages = int(Verified) + 1
)

// maxTries is how often a stage is tried before the promotion goes on without it, or is given up.
const maxTries = 3

// String is the stage's name in logs and reports.
func (s Stage) String() string {
	names := [stages]string{
		"FenceConfirmed", "StateCommitted", "GateOpen", "AddressesAttached", "Announced", "Verified",
	}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("Stage(%d)", uint8(s))
}

// Key is the stage's name as a key of a log line.
func (s Stage) Key() string {
	name := s.String()
	return strings.ToLower(name[:1]) + name[1:]
}

// dispensable tells whether a promotion goes on without the stage when it failed to the last try. A firewall that lost
// its connections is worse than one that has them and better than none.
func (s Stage) dispensable() bool { return s == StateCommitted }

// Report is how a promotion went.
type Report struct {
	Term  uint64
	Cause Cause
	// HeardAt is the last sign of life of the former active, DecidedAt when this unit decided to take over. Both are when
	// it learned of it where the role was handed to it.
	HeardAt, DecidedAt time.Duration
	// StartedAt is an instant of the unit's boot clock.
	StartedAt, EndedAt time.Duration
	Stages             [stages]StageReport
	// Finished is set when the unit is active with every stage behind it, given up when the promotion was abandoned.
	Finished, GivenUp bool
}

// Took is how long the stages took that are done, together.
func (r Report) Took() time.Duration {
	var sum time.Duration
	for _, s := range r.Stages {
		sum += s.Took
	}
	return sum
}

// StageReport is how one stage went.
type StageReport struct {
	Took time.Duration
	// Failures counts the tries that failed; Err is the last failure.
	Failures int
	Err      error
	// Done is set when the stage is behind the unit.
	Done bool
}

// promotion is the walk through the stages.
type promotion struct {
	stage Stage
	// enteredAt is when the stage began.
	enteredAt time.Duration
	attempt   attempt
	report    Report
}

func (s *step) startPromotion() {
	s.phase = promoting
	s.promotion = promotion{
		enteredAt: s.at,
		report: Report{
			Term: s.tenure.term, Cause: s.tenure.claim.cause, StartedAt: s.at,
			HeardAt: s.tenure.claim.heardAt, DecidedAt: s.tenure.claim.decidedAt,
		},
	}
}

// promote walks as far as it can without waiting.
func (s *step) promote() {
	if s.stop.requested {
		s.abandonPromotion()
		return
	}
	if s.promotion.stage > FenceConfirmed {
		s.beat() // Not before: who gives the role away still sends what changed.
	}
	if s.promotion.stage > GateOpen {
		s.keepForwarding()
		s.adjustGate()
	}
	s.keepPermit()
	for s.phase == promoting && s.enter(s.promotion.stage) {
		s.pass()
	}
}

// enter does what the stage wants and tells whether the stage is passed already. Stages that are effects are passed by
// their answer.
func (s *step) enter(stage Stage) bool {
	if stage == FenceConfirmed {
		return s.fenceConfirmed()
	}
	attempt := &s.promotion.attempt
	if !s.canTry(attempt) {
		return false
	}
	switch stage {
	case FenceConfirmed:
	case StateCommitted:
		s.emit(CommitState{ID: s.begin(attempt)})
	case GateOpen:
		if !s.Permit().valid(s.at) {
			return false // A renewal is under way, or an acknowledgement; either comes by here again.
		}
		s.become(Active)
		s.openGate(attempt)
	case AddressesAttached:
		s.host.addressed = true
		s.emit(AttachAddresses{ID: s.begin(attempt)})
	case Announced:
		s.emit(Announce{ID: s.begin(attempt)})
	case Verified:
		s.emit(Verify{ID: s.begin(attempt)})
	}
	return false
}

// fenceConfirmed tells whether the holder before this unit's tenure cannot forward any more: by its own word, or
// because all that it may have was waited out: this unit's promise, and a permit of the witness.
func (s *step) fenceConfirmed() bool {
	if s.granted >= s.tenure.term || s.tenure.claim.vouched {
		return true
	}
	return s.due(max(s.promise.until, s.tenure.fencedAt))
}

// grantPatience is how long an heir waits for the grant before it asks the witness for a permit.
const grantPatience = 100 * time.Millisecond

// keepPermit writes the Lease while the promotion goes on, if there is no permit yet, or what is left of it may not
// last.
func (s *step) keepPermit() {
	p := s.Permit()
	handed := s.tenure.claim.term == 0
	if handed && s.granted < s.tenure.term && !s.due(s.tenure.at+grantPatience) {
		return // The grant may be on its way, and bring one along.
	}
	enough := p.valid(s.at) &&
		!s.due(max(p.Deadline-s.config.LeaseDuration/2, s.wroteAt+s.config.renewAfter()))
	if !enough && s.settled() {
		s.write(s.tenureRecord(Nobody))
	}
}

// pass goes on to the next stage.
func (s *step) pass() {
	p := &s.promotion
	entry := &p.report.Stages[p.stage]
	entry.Took, entry.Done = s.at-p.enteredAt, true
	if p.stage == Verified {
		p.report.Finished, p.report.EndedAt = true, s.at
		s.phase = serving
		return
	}
	p.stage++
	p.enteredAt, p.attempt = s.at, attempt{}
}

// promotionDone takes in the end of the effect that the stage waits for.
func (s *step) promotionDone(f EffectDone) {
	p := &s.promotion
	if s.phase != promoting || !p.attempt.underWay() || f.ID != p.attempt.id {
		return
	}
	if s.finish(&p.attempt, f.Err) {
		if p.stage == GateOpen {
			s.opened()
		}
		s.pass()
		return
	}
	entry := &p.report.Stages[p.stage]
	entry.Failures, entry.Err = entry.Failures+1, f.Err
	switch {
	case p.attempt.tries < maxTries:
	case p.stage.dispensable():
		s.pass()
	default:
		s.abandonPromotion()
	}
}

// abandonPromotion gives the Lease up, so that the other unit can have it, and holds this one back for a while: it
// would fail again, and the other could not win.
func (s *step) abandonPromotion() {
	s.promotion.report.GivenUp = true
	s.holdUntil = s.at + s.config.LeaseDuration
	s.phase = releasing
}
