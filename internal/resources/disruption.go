package resources

import (
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// PodDisruptionBudget returns the budget that lets a drain evict one unit, and the other unit only when the first is
// ready again. A unit that is not ready may always be evicted, since it protects nothing and must not block a drain.
func PodDisruptionBudget(pair *v1alpha1.HAPair) *policyv1ac.PodDisruptionBudgetApplyConfiguration {
	return policyv1ac.PodDisruptionBudget(DisruptionBudgetName(pair.Name), pair.Namespace).
		WithLabels(Labels(pair.Name)).
		WithOwnerReferences(owner(pair)).
		WithSpec(policyv1ac.PodDisruptionBudgetSpec().
			WithMinAvailable(intstr.FromInt32(1)).
			WithSelector(unitsSelector(pair)).
			WithUnhealthyPodEvictionPolicy(policyv1.AlwaysAllow))
}
