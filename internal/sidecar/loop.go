package sidecar

import (
	"context"
	"reflect"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// maxIdle is how long the loop sleeps at most. The timers of the process stop while the machine is suspended, and the
// boot clock does not. Reading that clock often bounds how late a deadline is noticed. It also shows that the loop is
// alive.
const maxIdle = 100 * time.Millisecond

// loop passes every fact to the machine until the machine wants to exit. Nothing else ends it.
func (s *Sidecar) loop(stop, running context.Context) {
	stopping := stop.Done()
	for !s.health.exited() {
		// Heartbeats that arrived while the loop was busy come before the time that has passed: the peer was not silent.
		select {
		case fact := <-s.beats:
			s.turn(running, fact)
			continue
		default:
		}
		timer := time.NewTimer(s.idle())
		var fact ha.Fact = ha.Tick{}
		select {
		case fact = <-s.beats:
		case fact = <-s.facts:
		case s.faults = <-s.faultChanges:
			fact = ha.Tick{}
		case <-s.config.Stopped: // The timer stood still as well.
			fact = ha.Tick{}
		case <-s.firewalls.changed:
			s.firewall = s.firewalls.get()
			s.config.Configuration.InForce(s.firewall.Hash)
			fact = ha.FirewallReported{InForce: s.firewall.isSteady()}
		case <-stopping:
			stopping = nil
			s.log.Info("Stopping unit", "role", s.machine.Role().String(), "budget", StopBudget.String())
			fact = ha.StopRequested{Deadline: s.config.Now() + StopBudget}
		case <-timer.C:
		}
		timer.Stop()
		s.turn(running, fact)
	}
}

// idle returns how long nothing needs to be done.
func (s *Sidecar) idle() time.Duration {
	wake := s.machine.Wake()
	if wake == 0 {
		return maxIdle
	}
	return min(max(wake-s.config.Now(), 0), maxIdle)
}

// turn passes one fact to the machine and executes the effects. It repeats that with the answers that come at once.
func (s *Sidecar) turn(ctx context.Context, fact ha.Fact) {
	for facts := []ha.Fact{fact}; len(facts) > 0; facts = facts[1:] {
		before := s.machine
		var effects []ha.Effect
		s.machine, effects = before.Step(ha.Event{At: s.config.Now(), Fact: facts[0]})
		s.logChange(before, facts[0])
		for _, e := range effects {
			if answer, answered := s.execute(ctx, e); answered {
				facts = append(facts, answer)
			}
		}
	}
	s.health.observe(s.machine)
	if status := unitStatus(s.observe()); !reflect.DeepEqual(status, s.status) {
		s.status = status
		s.publisher.set(status)
	}
}

// logChange logs what a person wants to know about a step, and records a promotion.
func (s *Sidecar) logChange(before ha.Machine, fact ha.Fact) {
	now := s.machine
	if before.Holder() != ha.Nobody {
		s.lastHolder = before.Holder()
	}
	if now.Term() != before.Term() {
		s.formerHolder = s.lastHolder
	}
	if done, isDone := fact.(ha.EffectDone); isDone && done.Err != nil {
		s.log.Error(done.Err, "Failing effect", "id", done.ID, "role", now.Role().String())
	}
	if now.TermInvalid() && !before.TermInvalid() {
		s.log.Info("Repairing the Lease, whose leaseTransitions no unit can have written", "term", now.Term())
	}
	if before.Role() != now.Role() {
		s.log.Info("Changing role", "from", before.Role().String(), "to", now.Role().String(),
			"term", now.Term(), "holder", now.Holder())
	}
	was, is := before.Promotion(), now.Promotion()
	switch {
	case is.Finished && !was.Finished:
		s.log.Info("Promoting unit",
			append([]any{"term", is.Term, "cause", is.Cause.String(), "took", is.Total().String()}, steps(is)...)...)
		s.recordFailover(is)
	case is.Finished && was.Cause != is.Cause:
		s.recordFailover(is) // The peer was faster than the watch, which alone knows the cause.
	case is.GivenUp && !was.GivenUp:
		s.log.Info("Giving up promotion", append([]any{"term", is.Term}, steps(is)...)...)
	}
}

// steps returns the steps of a promotion as keys and values of a log line.
func steps(r ha.Report) []any {
	var all []any
	for _, step := range r.Steps() {
		all = append(all, step.Key(), step.Duration.String())
		if step.Failures > 0 {
			all = append(all, step.Key()+"Failures", step.Failures)
		}
	}
	return all
}
