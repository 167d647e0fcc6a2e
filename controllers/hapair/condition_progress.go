package hapair

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// phase classifies how far the operator is on the way to the spec. Reconciling and Stalled both follow from it, so they
// are never True together: kstatus would take the one that it finds first.
type phase int

const (
	// phaseSettled: the operator has nothing left to do.
	phaseSettled phase = iota
	// phaseReconciling: the operator works towards the spec, or waits for something that ends without a person.
	phaseReconciling
	// phaseStalled: only a person can remove what stops the operator.
	phaseStalled
)

// progress is a phase with the reason and the message of its condition.
type progress struct {
	phase           phase
	reason, message string
}

// reconciling returns Reconciling, which is True while the spec is not in force and the operator works on that.
func reconciling(p progress) metav1.Condition {
	const condition = v1alpha1.ConditionReconciling
	switch p.phase {
	case phaseReconciling:
		return conditionTrue(condition, p.reason, "%s", p.message)
	case phaseStalled:
		return conditionFalse(condition, v1alpha1.ReasonStalled, "The operator is stalled; see condition Stalled")
	case phaseSettled:
	}
	return conditionFalse(condition, p.reason, "%s", p.message)
}

// stalled returns Stalled, which is True while the operator waits for a person.
func stalled(p progress) metav1.Condition {
	const condition = v1alpha1.ConditionStalled
	if p.phase == phaseStalled {
		return conditionTrue(condition, p.reason, "%s", p.message)
	}
	return conditionFalse(condition, v1alpha1.ReasonNotStalled, "Nothing stops the operator")
}

// progressOf classifies the pair. What needs a person comes first; the most specific message wins.
func progressOf(s *scope) progress {
	if message := s.blockers.message(); message != "" {
		return progress{phaseStalled, v1alpha1.ReasonBlocked, message}
	}
	if pending := s.certificatesPending; pending != nil {
		p := progress{phaseReconciling, pending.Reason, upperFirst(pending.Message)}
		if pending.Reason == v1alpha1.ReasonBlocked {
			p.phase = phaseStalled
		}
		return p
	}
	for _, unit := range v1alpha1.Units() {
		if p, done := unitProgress(s, unit); done {
			return p
		}
	}
	return pendingProgress(s)
}

// unitProgress returns the progress of the pair where one unit alone determines it.
func unitProgress(s *scope, unit v1alpha1.Unit) (_ progress, determined bool) {
	own, made := s.facts.units[unit], s.decisions[unit]
	refused, message := own.refusesConfiguration()
	switch {
	case own.obstacle != "":
		return progress{phaseStalled, v1alpha1.ReasonBlocked, fmt.Sprintf("Unit %s: %s", unit, own.obstacle)}, true
	case own.overdue != "":
		return progress{
			phaseStalled, v1alpha1.ReasonProgressDeadlineExceeded, fmt.Sprintf("Unit %s: %s", unit, own.overdue),
		}, true
	case refused:
		return progress{phaseStalled, v1alpha1.ReasonBlocked, fmt.Sprintf(
			"Unit %s: its firewall refuses the configuration%s", unit, quoteAfterColon(message))}, true
	case made.action == actionAwaitSwitchover:
		return progress{
			phaseReconciling, v1alpha1.ReasonSwitchoverAwaited, fmt.Sprintf("Unit %s: %s", unit, lowerFirst(made.why)),
		}, true
	case made.action == actionAwaitTurn:
		return progress{
			phaseReconciling, v1alpha1.ReasonWaitingForTurn, fmt.Sprintf("Unit %s: %s", unit, lowerFirst(made.why)),
		}, true
	default:
		return progress{}, false
	}
}

// pendingProgress returns the progress of a pair that nothing stops.
func pendingProgress(s *scope) progress {
	var creating, updating, held []string
	for _, unit := range v1alpha1.Units() {
		own, made := s.facts.units[unit], s.decisions[unit]
		switch made.action {
		case actionReplace, actionDeleteLost, actionWait:
			updating = append(updating, fmt.Sprintf("unit %s: %s", unit, lowerFirst(made.why)))
		case actionHold:
			if !s.pair.Spec.Paused { // Trying the successor failed, and is repeated.
				updating = append(updating, fmt.Sprintf("unit %s: %s", unit, lowerFirst(made.why)))
				continue
			}
			held = append(held, fmt.Sprintf("unit %s: %s", unit, lowerFirst(made.why)))
		case actionKeep, actionCreate, actionRemove, actionAwaitSwitchover, actionAwaitTurn:
			if !own.ready() {
				creating = append(creating, fmt.Sprintf("unit %s: %s", unit, notReadyBecause(own)))
			}
		}
	}
	configured := configurationApplied(s)
	switch {
	case len(updating) > 0:
		return progress{phaseReconciling, v1alpha1.ReasonUpdating, upperFirst(strings.Join(updating, "; "))}
	case len(creating) > 0:
		return progress{phaseReconciling, v1alpha1.ReasonCreating, upperFirst(strings.Join(creating, "; "))}
	case s.switchover.request != "" && !s.switchover.isHandled(s.facts):
		return progress{phaseReconciling, v1alpha1.ReasonSwitchoverPending, pendingSwitchoverMessage(s.switchover)}
	case len(held) > 0:
		// A pause that keeps the spec from coming into force is not the same as being settled.
		return progress{phaseReconciling, v1alpha1.ReasonPaused, pausedMessage(held)}
	case configured.Status != metav1.ConditionTrue:
		return progress{phaseReconciling, v1alpha1.ReasonApplying, configured.Message}
	case s.pair.Spec.Paused:
		return progress{phaseSettled, v1alpha1.ReasonPaused, pausedMessage(nil)}
	case s.switchover.refused != "":
		return progress{
			phaseSettled, v1alpha1.ReasonSettled,
			"Both units match the spec; a requested switchover is ignored: " + s.switchover.refused,
		}
	default:
		return progress{phaseSettled, v1alpha1.ReasonSettled, "Both units match the spec"}
	}
}

// pendingSwitchoverMessage returns what a requested switchover waits for, and how to withdraw it.
func pendingSwitchoverMessage(w switchover) string {
	const withdraw = "; remove the annotation " + v1alpha1.AnnotationSwitchoverRequestedAt + " to withdraw the request"
	if w.to == "" {
		return "The requested switchover waits for a unit to become active" + withdraw
	}
	return fmt.Sprintf("The requested switchover waits for unit %s to be ready, in sync and active%s", w.to, withdraw)
}

// pausedMessage returns what a pause does and what waits for its end, so that a forgotten pause is recognised.
func pausedMessage(held []string) string {
	const message = "spec.paused is set: no unit is replaced, and no unit hands over for health or preference"
	if len(held) == 0 {
		return message
	}
	return message + "; " + strings.Join(held, "; ")
}
