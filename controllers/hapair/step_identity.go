package hapair

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	rbacv1ac "k8s.io/client-go/applyconfigurations/rbac/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

// ensureIdentity gives each unit its ServiceAccount and its rights, which are less than those of the operator: it could
// not grant more.
func (r *Reconciler) ensureIdentity(ctx context.Context, s *scope) error {
	for _, unit := range v1alpha1.Units() {
		account := resources.ServiceAccount(s.pair, unit)
		err := ensure(ctx, r, s.pair, &corev1.ServiceAccount{}, account, corev1ac.ExtractServiceAccount)
		if err != nil {
			return err
		}
		role := resources.Role(s.pair, unit)
		if err := ensure(ctx, r, s.pair, &rbacv1.Role{}, role, rbacv1ac.ExtractRole); err != nil {
			return err
		}
		binding := resources.RoleBinding(s.pair, unit)
		if err := ensure(ctx, r, s.pair, &rbacv1.RoleBinding{}, binding, rbacv1ac.ExtractRoleBinding); err != nil {
			return err
		}
	}
	return nil
}
