package hapair

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// degraded returns Degraded, which follows from two other conditions. Alerts are set on it.
func degraded(redundant, synchronized metav1.Condition) metav1.Condition {
	const condition = v1alpha1.ConditionDegraded
	switch {
	case redundant.Status != metav1.ConditionTrue:
		return conditionTrue(condition, v1alpha1.ReasonRedundancyLost, "%s", redundant.Message)
	case synchronized.Status == metav1.ConditionUnknown:
		return conditionUnknown(condition, synchronized.Reason, "%s", synchronized.Message)
	case synchronized.Status != metav1.ConditionTrue:
		return conditionTrue(condition, v1alpha1.ReasonNotSynchronized, "A failover now would lose connections: %s",
			lowerFirst(synchronized.Message))
	default:
		return conditionFalse(condition, v1alpha1.ReasonHealthy, "Either unit can take over from the other without loss")
	}
}
