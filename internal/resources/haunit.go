package resources

import (
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// HAUnitApplyConfiguration is what the operator applies to an HAUnit: metadata and spec. The unit writes the status.
type HAUnitApplyConfiguration struct {
	metav1ac.TypeMetaApplyConfiguration    `json:",inline"`
	*metav1ac.ObjectMetaApplyConfiguration `json:"metadata,omitempty"`

	Spec v1alpha1.HAUnitSpec `json:"spec"`
}

// HAUnit returns the object in which a unit reports its status.
func HAUnit(pair *v1alpha1.HAPair, unit v1alpha1.Unit) *HAUnitApplyConfiguration {
	return &HAUnitApplyConfiguration{
		TypeMetaApplyConfiguration: *metav1ac.TypeMeta().
			WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).
			WithKind("HAUnit"),
		ObjectMetaApplyConfiguration: metav1ac.ObjectMeta().
			WithName(UnitName(pair.Name, unit)).
			WithNamespace(pair.Namespace).
			WithLabels(Labels(pair.Name)).
			WithOwnerReferences(owner(pair)),
		Spec: v1alpha1.HAUnitSpec{Pair: pair.Name, Unit: unit},
	}
}

// IsApplyConfiguration marks the type as an apply configuration.
func (*HAUnitApplyConfiguration) IsApplyConfiguration() {}

// GetKind returns the kind.
func (u *HAUnitApplyConfiguration) GetKind() *string { return u.Kind }

// GetAPIVersion returns the API version.
func (u *HAUnitApplyConfiguration) GetAPIVersion() *string { return u.APIVersion }

// GetName returns the name of the object.
func (u *HAUnitApplyConfiguration) GetName() *string { return u.Name }

// GetNamespace returns the namespace of the object.
func (u *HAUnitApplyConfiguration) GetNamespace() *string { return u.Namespace }
