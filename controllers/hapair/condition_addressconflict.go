package hapair

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// addressConflict returns AddressConflict from the report of the active unit. The standby has no virtual address that
// could be in conflict.
func addressConflict(s *scope) metav1.Condition {
	const condition = v1alpha1.ConditionAddressConflict
	active := s.facts.active()
	c := s.facts.units[active].condition(condition)
	switch {
	case active == "":
		return conditionFalse(condition, v1alpha1.ReasonNoConflict, "No unit is active, so none holds a virtual address")
	case c == nil:
		return conditionUnknown(condition, v1alpha1.ReasonNotReported,
			"Unit %s has not reported whether another station claims a virtual address", active)
	case c.Status == metav1.ConditionTrue:
		return conditionTrue(condition, v1alpha1.ReasonDuplicateAddress,
			"Unit %s shares a virtual address with another station%s", active, quoteAfterColon(c.Message))
	default:
		return conditionFalse(condition, v1alpha1.ReasonNoConflict,
			"Unit %s heard no other station claim a virtual address", active)
	}
}
