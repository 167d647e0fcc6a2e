package hapair

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

// degraded returns Degraded, which follows from two other conditions and from the health that the units report. Alerts
// are set on it.
func degraded(s *scope, redundant, synchronized metav1.Condition) metav1.Condition {
	const condition = v1alpha1.ConditionDegraded
	switch {
	case redundant.Status != metav1.ConditionTrue:
		return conditionTrue(condition, v1alpha1.ReasonRedundancyLost, "%s", redundant.Message)
	case synchronized.Status == metav1.ConditionUnknown:
		return conditionUnknown(condition, synchronized.Reason, "%s", synchronized.Message)
	case synchronized.Reason == v1alpha1.ReasonProviderBehind:
		return conditionTrue(condition, v1alpha1.ReasonNotSynchronized, "A failover now would lose state: %s",
			lowerFirst(synchronized.Message))
	case synchronized.Status != metav1.ConditionTrue:
		return conditionTrue(condition, v1alpha1.ReasonNotSynchronized, "A failover now would lose connections: %s",
			lowerFirst(synchronized.Message))
	}
	if faults := faultsOf(s.facts); faults != "" {
		return conditionTrue(condition, v1alpha1.ReasonUnitUnhealthy, "%s", faults)
	}
	if invalid := s.facts.invalidTerm; invalid != nil {
		return conditionTrue(condition, v1alpha1.ReasonLeaseTermInvalid, "spec.leaseTransitions of Lease %s is %d, which "+
			"no unit can have written; the active repairs it with its next write", resources.LeaseName(s.pair.Name), *invalid)
	}
	return conditionFalse(condition, v1alpha1.ReasonHealthy, "Either unit can take over from the other without loss")
}

// faultsOf returns the checks that fail on either unit; empty if none does.
func faultsOf(f facts) string {
	var all []string
	for _, unit := range v1alpha1.Units() {
		if _, fault := f.units[unit].health(); fault != "" {
			all = append(all, fmt.Sprintf("unit %s fails check %s", unit, fault))
		}
	}
	return upperFirst(strings.Join(all, "; "))
}
