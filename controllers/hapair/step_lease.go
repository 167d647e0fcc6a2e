package hapair

import (
	"context"
	"errors"

	coordinationv1 "k8s.io/api/coordination/v1"
	policyv1 "k8s.io/api/policy/v1"

	"github.com/hapair-io/hapair/internal/resources"
)

// ensureLease creates the Lease by which the units elect the active one, and the disruption budget that prevents the
// eviction of both units at once.
func (r *Reconciler) ensureLease(ctx context.Context, s *scope) error {
	lease := resources.Lease(s.pair).WithAnnotations(s.switchover.leaseAnnotations())
	return errors.Join(
		r.ensure(ctx, s.pair, &coordinationv1.Lease{}, lease),
		r.ensure(ctx, s.pair, &policyv1.PodDisruptionBudget{}, resources.PodDisruptionBudget(s.pair)),
	)
}
