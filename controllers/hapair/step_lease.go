package hapair

import (
	"context"

	coordinationv1 "k8s.io/api/coordination/v1"
	policyv1 "k8s.io/api/policy/v1"

	"github.com/hapair-io/hapair/internal/resources"
)

// ensureLease makes the Lease that the units decide by, and the budget that keeps evictions from taking both of them.
func (r *Reconciler) ensureLease(ctx context.Context, s *scope) error {
	lease := resources.Lease(s.pair)
	if err := r.ensure(ctx, s.pair, &coordinationv1.Lease{}, lease); err != nil {
		return err
	}
	budget := resources.PodDisruptionBudget(s.pair)
	return r.ensure(ctx, s.pair, &policyv1.PodDisruptionBudget{}, budget)
}
