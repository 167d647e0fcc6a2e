package resources

import (
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// ServiceAccount returns the identity of a unit towards the API server. Each unit has its own, so that neither can
// write the status of the other.
func ServiceAccount(pair *v1alpha1.HAPair, unit v1alpha1.Unit) *corev1ac.ServiceAccountApplyConfiguration {
	return corev1ac.ServiceAccount(UnitName(pair.Name, unit), pair.Namespace).
		WithLabels(Labels(pair.Name)).
		WithOwnerReferences(owner(pair))
}

// Role returns the rights of a unit: it may update the Lease of the pair, read both pods, and write the status of its
// own HAUnit.
func Role(pair *v1alpha1.HAPair, unit v1alpha1.Unit) *rbacv1ac.RoleApplyConfiguration {
	return rbacv1ac.Role(UnitName(pair.Name, unit), pair.Namespace).
		WithLabels(Labels(pair.Name)).
		WithOwnerReferences(owner(pair)).
		WithRules(
			rbacv1ac.PolicyRule().
				WithAPIGroups("coordination.k8s.io").WithResources("leases").
				WithResourceNames(LeaseName(pair.Name)).
				WithVerbs("get", "list", "watch", "update"),
			rbacv1ac.PolicyRule().
				WithAPIGroups("").WithResources("pods").
				WithResourceNames(UnitName(pair.Name, v1alpha1.Primary), UnitName(pair.Name, v1alpha1.Secondary)).
				WithVerbs("get", "list", "watch"),
			rbacv1ac.PolicyRule().
				WithAPIGroups(v1alpha1.SchemeGroupVersion.Group).WithResources("haunits/status").
				WithResourceNames(UnitName(pair.Name, unit)).
				WithVerbs("get", "patch"),
		)
}

// RoleBinding returns the binding of a unit's Role to the unit's ServiceAccount.
func RoleBinding(pair *v1alpha1.HAPair, unit v1alpha1.Unit) *rbacv1ac.RoleBindingApplyConfiguration {
	name := UnitName(pair.Name, unit)
	return rbacv1ac.RoleBinding(name, pair.Namespace).
		WithLabels(Labels(pair.Name)).
		WithOwnerReferences(owner(pair)).
		WithRoleRef(rbacv1ac.RoleRef().WithAPIGroup("rbac.authorization.k8s.io").WithKind("Role").WithName(name)).
		WithSubjects(rbacv1ac.Subject().WithKind("ServiceAccount").WithName(name).WithNamespace(pair.Namespace))
}
