package resources

import (
	coordinationv1ac "k8s.io/client-go/applyconfigurations/coordination/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// Lease is the witness's record, without a word in it: the units alone write its spec. That the pair is paused is noted
// on it, since the units watch it anyway: they learn of it at once, and nothing of theirs has to be replaced for it.
func Lease(pair *v1alpha1.HAPair) *coordinationv1ac.LeaseApplyConfiguration {
	lease := coordinationv1ac.Lease(LeaseName(pair.Name), pair.Namespace).
		WithLabels(Labels(pair.Name)).
		WithOwnerReferences(owner(pair))
	if pair.Spec.Paused {
		lease.WithAnnotations(map[string]string{v1alpha1.AnnotationPaused: "true"})
	}
	return lease
}
