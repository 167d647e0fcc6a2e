package hapair

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

// ensureIdentity gives each unit its ServiceAccount and its rights. The operator cannot grant more than it has, so the
// rights of a unit are a subset of the operator's.
func (r *Reconciler) ensureIdentity(ctx context.Context, s *scope) error {
	var errs []error
	for _, unit := range v1alpha1.Units() {
		errs = append(errs,
			r.ensure(ctx, s.pair, &corev1.ServiceAccount{}, resources.ServiceAccount(s.pair, unit)),
			r.ensure(ctx, s.pair, &rbacv1.Role{}, resources.Role(s.pair, unit)),
			r.ensure(ctx, s.pair, &rbacv1.RoleBinding{}, resources.RoleBinding(s.pair, unit)),
		)
	}
	return errors.Join(errs...)
}
