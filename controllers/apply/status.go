package apply

import (
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// FieldOwner owns every field that the operator applies.
const FieldOwner = client.FieldOwner("hapair.io/manager")

// Status is the configuration of an object's status, and of nothing else of it.
type Status[S any] struct {
	metav1ac.TypeMetaApplyConfiguration    `json:",inline"`
	*metav1ac.ObjectMetaApplyConfiguration `json:"metadata,omitempty"`

	Status S `json:"status"`
}

// NewStatus makes the configuration for the object as it was read. The API server refuses it if the object changed
// since: the status must have been compared with the present one.
func NewStatus[S any](kind string, object client.Object, status S) *Status[S] {
	return &Status[S]{
		TypeMetaApplyConfiguration: *metav1ac.TypeMeta().
			WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).
			WithKind(kind),
		ObjectMetaApplyConfiguration: metav1ac.ObjectMeta().
			WithName(object.GetName()).
			WithNamespace(object.GetNamespace()).
			WithResourceVersion(object.GetResourceVersion()),
		Status: status,
	}
}

// IsApplyConfiguration marks the type as an apply configuration.
func (*Status[S]) IsApplyConfiguration() {}

// GetKind returns the kind. The client reads it, like the next three, from what it applies.
func (s *Status[S]) GetKind() *string { return s.Kind }

// GetAPIVersion returns the group and the version.
func (s *Status[S]) GetAPIVersion() *string { return s.APIVersion }

// GetName returns the name of the object.
func (s *Status[S]) GetName() *string { return s.Name }

// GetNamespace returns the namespace of the object.
func (s *Status[S]) GetNamespace() *string { return s.Namespace }
