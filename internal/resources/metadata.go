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

// Labels returns the labels of every object of a pair. The operator's cache holds only objects with these labels.
func Labels(pair string) map[string]string {
	return map[string]string{
		labelName:          program,
		labelInstance:      pair,
		labelManagedBy:     program,
		v1alpha1.LabelPair: pair,
	}
}

// owner returns the reference to the pair. With it the garbage collector deletes the object after the pair, so that the
// pair needs no finalizer.
func owner(pair *v1alpha1.HAPair) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).
		WithKind("HAPair").
		WithName(pair.Name).
		WithUID(pair.UID).
		WithController(true).
		WithBlockOwnerDeletion(true)
}
