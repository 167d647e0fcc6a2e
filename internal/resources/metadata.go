package resources

import (
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

const (
	labelName      = "app.kubernetes.io/name"
	labelInstance  = "app.kubernetes.io/instance"
	labelManagedBy = "app.kubernetes.io/managed-by"

	program = "hapair"
)

// Labels are on every object of the pair. The operator's cache holds only what has them.
func Labels(pair string) map[string]string {
	return map[string]string{
		labelName:          program,
		labelInstance:      pair,
		labelManagedBy:     program,
		v1alpha1.LabelPair: pair,
	}
}

// owner makes the garbage collector remove the object after the pair, so that the pair needs no finalizer.
func owner(pair *v1alpha1.HAPair) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.GroupVersion.String()).
		WithKind("HAPair").
		WithName(pair.Name).
		WithUID(pair.UID).
		WithController(true).
		WithBlockOwnerDeletion(true)
}
