package hapair

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/apply"
)

// What changes on a running pod has owners of its own, so that a write need not repeat the pod's template, which must
// not be changed and may be one of an earlier spec.
const (
	fieldOwnerRole          = apply.FieldOwner + "-role"
	fieldOwnerConfiguration = apply.FieldOwner + "-configuration"
)

// labelRoles labels each pod with its role, as the Lease has it, for people and for selectors.
func (r *Reconciler) labelRoles(ctx context.Context, s *scope) error {
	active := s.facts.active()
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
			return fmt.Errorf("labelling pod %s as %s: %w", pod.Name, role, err)
		}
	}
	return nil
}

// markOf begins a change of a pod's metadata. With the UID in it the change is refused if that very pod is gone,
// instead of making another.
func markOf(pod *corev1.Pod) *corev1ac.PodApplyConfiguration {
	return corev1ac.Pod(pod.Name, pod.Namespace).WithUID(pod.UID)
}

// mark applies such a change. That the pod is gone is no error: its successor is marked when it is seen.
func (r *Reconciler) mark(ctx context.Context, mark *corev1ac.PodApplyConfiguration, owner client.FieldOwner) error {
	err := r.Client.Apply(ctx, mark, owner, client.ForceOwnership)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
