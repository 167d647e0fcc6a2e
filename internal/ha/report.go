package ha

import (
	"strings"
	"time"
)

// Report describes how a promotion went.
type Report struct {
	Term  uint64
	Cause Cause
	// StartedAt and EndedAt are instants of the unit's boot clock.
	StartedAt, EndedAt time.Duration
	// Finished is set when the unit is active and every step is done. GivenUp is set when the promotion was abandoned.
	Finished, GivenUp bool

	steps [len(stepNames)]stepState
}

// StepReport describes how one step went.
type StepReport struct {
	// Name is the step's name.
	Name string
	// Duration is how long the step took, failed tries included.
	Duration time.Duration
	// Failures counts the tries that failed.
	Failures int
}

// Key returns the step's name in lower camel case, as a key of a log line.
func (s StepReport) Key() string { return strings.ToLower(s.Name[:1]) + s.Name[1:] }

// stepState is the progress of one step.
type stepState struct {
	duration time.Duration
	failures int
	done     bool
}

// newReport returns the report of a promotion that starts now, with the steps before it done.
func newReport(term uint64, c claim, at time.Duration) Report {
	r := Report{Term: term, Cause: c.cause, StartedAt: at}
	r.steps[Detected].done = true
	if c.cause.IsUnplanned() {
		r.steps[Detected].duration = c.decidedAt - c.heardAt
	}
	r.steps[Claimed] = stepState{duration: at - c.decidedAt, done: true}
	return r
}

// Steps returns the steps that are done or were tried, in their order.
func (r Report) Steps() []StepReport {
	var steps []StepReport
	for step, state := range r.steps {
		if state.done || state.failures > 0 {
			steps = append(steps, StepReport{Name: stepNames[step], Duration: state.duration, Failures: state.failures})
		}
	}
	return steps
}

// Total returns how long the change of the active took: from the last sign of life of the former active, or from the
// decision in a planned change, to the end of the last step that is done.
func (r Report) Total() time.Duration {
	var sum time.Duration
	for _, state := range r.steps {
		sum += state.duration
	}
	return sum
}
