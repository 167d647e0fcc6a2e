package resources

import (
	coordinationv1ac "k8s.io/client-go/applyconfigurations/coordination/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// Lease returns the Lease by which the units decide who is active, without a spec: only the units write that. An
// annotation marks a paused pair. The units watch the Lease anyway, so they react at once and need no new pods.
func Lease(pair *v1alpha1.HAPair) *coordinationv1ac.LeaseApplyConfiguration {
	lease := coordinationv1ac.Lease(LeaseName(pair.Name), pair.Namespace).
		WithLabels(Labels(pair.Name)).
		WithOwnerReferences(owner(pair))
	if pair.Spec.Paused {
		lease.WithAnnotations(map[string]string{v1alpha1.AnnotationPaused: "true"})
	}
	return lease
}
