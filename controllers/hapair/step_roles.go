package hapair

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/apply"
)

// Fields that change on a running pod have field owners of their own. A write then need not repeat the pod's template,
// which must not change and may be that of an earlier spec.
const (
	fieldOwnerRole          = apply.FieldOwner + "-role"
	fieldOwnerConfiguration = apply.FieldOwner + "-configuration"
)

// labelRoles labels each pod with its role according to the Lease, for people and for selectors.
func (r *Reconciler) labelRoles(ctx context.Context, s *scope) error {
	active := s.facts.active()
	var errs []error
	for _, unit := range v1alpha1.Units() {
		pod := s.facts.units[unit].pod
		if pod == nil {
			continue
		}
		role := v1alpha1.LabelRoleStandby
		if unit == active {
			role = v1alpha1.LabelRoleActive
		}
		if pod.Labels[v1alpha1.LabelRole] == role {
			continue
		}
		mark := markOf(pod).WithLabels(map[string]string{v1alpha1.LabelRole: role})
		if err := r.mark(ctx, mark, fieldOwnerRole); err != nil {
			errs = append(errs, fmt.Errorf("labelling pod %s as %s: %w", pod.Name, role, err))
		}
	}
	return errors.Join(errs...)
}

// markOf returns an apply configuration for a pod's metadata. Its UID makes the API server refuse the change if that
// pod is gone, instead of creating another.
func markOf(pod *corev1.Pod) *corev1ac.PodApplyConfiguration {
	return corev1ac.Pod(pod.Name, pod.Namespace).WithUID(pod.UID)
}

// mark applies a change of a pod's metadata. A pod that is gone is no error: its successor is marked when it is
// observed.
func (r *Reconciler) mark(ctx context.Context, mark *corev1ac.PodApplyConfiguration, owner client.FieldOwner) error {
	err := r.Client.Apply(ctx, mark, owner, client.ForceOwnership)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
