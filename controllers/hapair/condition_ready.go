package hapair

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// ready returns Ready. It is True only while the active unit serves and enforces the configuration of the current
// generation, so a pipeline that waits for it never continues with an earlier configuration in force.
func ready(s *scope, configured metav1.Condition) metav1.Condition {
	const condition = v1alpha1.ConditionReady
	active := s.facts.active()
	own := s.facts.units[active]
	if active == "" || !own.ready() {
		return notServing(s, active)
	}
	switch role := own.role(); role {
	case v1alpha1.RoleActive:
	case "":
		return conditionUnknown(condition, v1alpha1.ReasonNotReported,
			"Unit %s holds the Lease and has not reported its role", active)
	default:
		return conditionFalse(condition, v1alpha1.ReasonNotServing,
			"Unit %s holds the Lease and does not forward yet: its role is %s", active, role)
	}
	if s.blockers.ofConfiguration() != nil || !s.enforcesDocument(active) {
		return conditionFalse(condition, v1alpha1.ReasonConfigurationNotApplied,
			"Unit %s serves on node %s without the configuration of generation %d: %s",
			active, own.pod.Spec.NodeName, s.pair.Generation, lowerFirst(configured.Message))
	}
	return conditionTrue(condition, v1alpha1.ReasonActive, "Unit %s is active on node %s", active, own.pod.Spec.NodeName)
}

// notServing returns Ready for a pair without an active unit whose pod is ready. A blocker that keeps the pair from
// ever starting is the cause, and comes first.
func notServing(s *scope, active v1alpha1.Unit) metav1.Condition {
	const condition = v1alpha1.ConditionReady
	if b := s.blockers.fatal(); b != nil {
		reason := v1alpha1.ReasonReferenceNotFound
		if b.kind == blockerInvalidDocument {
			reason = v1alpha1.ReasonConfigurationInvalid
		}
		return conditionFalse(condition, reason, "%s", b.message)
	}
	if active != "" {
		return conditionFalse(condition, v1alpha1.ReasonNoActiveUnit, "Unit %s holds the Lease, but %s",
			active, notReadyBecause(s.facts.units[active]))
	}
	return conditionFalse(condition, v1alpha1.ReasonNoActiveUnit, "No unit holds the Lease: %s",
		describeUnits(s.facts, notReadyBecause))
}
