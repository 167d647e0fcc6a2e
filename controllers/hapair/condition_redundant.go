package hapair

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// redundant returns Redundant: the peer of the active unit is ready to take over.
func redundant(s *scope) metav1.Condition {
	const condition = v1alpha1.ConditionRedundant
	active := s.facts.active()
	if active == "" {
		return conditionFalse(condition, v1alpha1.ReasonStandbyMissing, "No unit is active, so none stands by")
	}
	unit := active.Peer()
	own := s.facts.units[unit]
	switch {
	case own.useful():
		return conditionTrue(condition, v1alpha1.ReasonStandbyReady, "Unit %s stands by on node %s",
			unit, own.pod.Spec.NodeName)
	case !own.exists(), own.pod.Spec.NodeName == "", own.ended():
		return conditionFalse(condition, v1alpha1.ReasonStandbyMissing, "Unit %s is missing: %s",
			unit, notReadyBecause(own))
	default:
		return conditionFalse(condition, v1alpha1.ReasonStandbyNotReady, "Unit %s on node %s cannot take over: %s",
			unit, own.pod.Spec.NodeName, notReadyBecause(own))
	}
}
