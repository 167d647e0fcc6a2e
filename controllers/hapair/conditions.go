package hapair

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// conditionsOf returns all conditions of the pair, one function a condition. Those that depend on facts are Unknown
// while the facts are incomplete.
func conditionsOf(s *scope) []metav1.Condition {
	p := progressOf(s)
	conditions := []metav1.Condition{reconciling(p), stalled(p)}
	if !s.facts.whole {
		return append(conditions, unobserved(s)...)
	}
	redundant, synchronized, configured := redundant(s), synchronized(s), configurationApplied(s)
	return append(conditions,
		ready(s, configured),
		redundant,
		synchronized,
		configured,
		degraded(s, redundant, synchronized),
		addressConflict(s),
	)
}

// unobserved returns the conditions of a pair whose Lease and pods could not be read completely.
func unobserved(s *scope) []metav1.Condition {
	message := "The Lease and the pods of the pair could not be read"
	if blocked := s.blockers.message(); blocked != "" {
		message += ": " + blocked
	}
	var conditions []metav1.Condition
	for _, condition := range []string{
		v1alpha1.ConditionReady, v1alpha1.ConditionRedundant, v1alpha1.ConditionSynchronized,
		v1alpha1.ConditionConfigurationApplied, v1alpha1.ConditionDegraded, v1alpha1.ConditionAddressConflict,
	} {
		conditions = append(conditions, conditionUnknown(condition, v1alpha1.ReasonNotObserved, "%s", message))
	}
	return conditions
}

func conditionTrue(condition, reason, format string, args ...any) metav1.Condition {
	return newCondition(condition, metav1.ConditionTrue, reason, format, args...)
}

func conditionFalse(condition, reason, format string, args ...any) metav1.Condition {
	return newCondition(condition, metav1.ConditionFalse, reason, format, args...)
}

func conditionUnknown(condition, reason, format string, args ...any) metav1.Condition {
	return newCondition(condition, metav1.ConditionUnknown, reason, format, args...)
}

func newCondition(
	condition string, status metav1.ConditionStatus, reason, format string, args ...any,
) metav1.Condition {
	return metav1.Condition{Type: condition, Status: status, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// notReadyBecause returns the most specific known reason why a unit is not ready, as part of a sentence.
func notReadyBecause(u unitFacts) string {
	switch {
	case !u.exists():
		return "it has no pod"
	case u.obstacle != "":
		return u.obstacle
	case u.terminating():
		return fmt.Sprintf("pod %s is being deleted", u.pod.Name)
	case u.ended():
		return endOf(u.pod)
	case u.pod.Spec.NodeName == "":
		return fmt.Sprintf("pod %s waits for a node", u.pod.Name)
	}
	if refused, message := u.refusesConfiguration(); refused {
		return "its firewall refuses the configuration" + quoteAfterColon(message)
	}
	if u.warning != "" {
		return fmt.Sprintf("pod %s does not start: %s", u.pod.Name, u.warning)
	}
	if !u.ready() {
		return fmt.Sprintf("pod %s is not ready", u.pod.Name)
	}
	return fmt.Sprintf("pod %s is ready", u.pod.Name)
}

// describeUnits joins a description of each unit to one sentence.
func describeUnits(f facts, describe func(unitFacts) string) string {
	var parts []string
	for _, unit := range v1alpha1.Units() {
		parts = append(parts, fmt.Sprintf("unit %s: %s", unit, describe(f.units[unit])))
	}
	return strings.Join(parts, "; ")
}
