package resources

import (
	coordinationv1ac "k8s.io/client-go/applyconfigurations/coordination/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// Lease is the witness's record, without a word in it: the units alone write its spec.
func Lease(pair *v1alpha1.HAPair) *coordinationv1ac.LeaseApplyConfiguration {
	return coordinationv1ac.Lease(LeaseName(pair.Name), pair.Namespace).
		WithLabels(Labels(pair.Name)).
		WithOwnerReferences(owner(pair))
}
