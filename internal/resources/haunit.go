package resources

import (
	"github.com/hapair-io/hapair/api/v1alpha1"
	v1alpha1ac "github.com/hapair-io/hapair/internal/applyconfiguration/api/v1alpha1"
)

// HAUnit returns the object in which a unit reports its status. It leaves out the status itself, which the unit writes.
func HAUnit(pair *v1alpha1.HAPair, unit v1alpha1.Unit) *v1alpha1ac.HAUnitApplyConfiguration {
	return v1alpha1ac.HAUnit(UnitName(pair.Name, unit), pair.Namespace).
		WithLabels(Labels(pair.Name)).
		WithOwnerReferences(owner(pair)).
		WithSpec(v1alpha1ac.HAUnitSpec().WithPair(pair.Name).WithUnit(unit))
}
