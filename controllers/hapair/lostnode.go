package hapair

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// terminationGrace is how long after its grace period a pod may take to terminate.
const terminationGrace = 30 * time.Second

// terminationOverdueAt returns when a pod that is being deleted should have terminated. Its deletion timestamp is the
// end of its grace period.
func terminationOverdueAt(pod *corev1.Pod) time.Time {
	return pod.DeletionTimestamp.Add(terminationGrace)
}

// findLost marks the units whose pods do not terminate because their nodes are gone or do not respond.
func (r *Reconciler) findLost(ctx context.Context, s *scope) error {
	var errs []error
	for unit, own := range s.facts.units {
		if !own.terminating() || r.Now().Before(terminationOverdueAt(own.pod)) {
			continue
		}
		responds, err := r.nodeResponds(ctx, own.pod.Spec.NodeName)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		own.lost = !responds
		s.facts.units[unit] = own
	}
	return errors.Join(errs...)
}

// nodeResponds reports whether the node exists and its kubelet renews its status.
func (r *Reconciler) nodeResponds(ctx context.Context, name string) (bool, error) {
	if name == "" {
		return false, nil
	}
	node := &corev1.Node{}
	switch err := r.Live.Get(ctx, client.ObjectKey{Name: name}, node); {
	case apierrors.IsNotFound(err):
		return false, nil
	case apierrors.IsForbidden(err):
		return true, nil // The operator may be installed without rights beyond its namespaces. A person decides then.
	case err != nil:
		return false, fmt.Errorf("looking for node %s: %w", name, err)
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			// The node controller sets the condition to Unknown when the kubelet stops renewing it.
			return condition.Status != corev1.ConditionUnknown, nil
		}
	}
	return true, nil // The node has just joined.
}

// deleteLost deletes a pod without waiting for its kubelet. That is safe if the unit still runs: it forwards only while
// the Lease names it or its peer grants it, and both are bound to the unit's new pod by then.
func (r *Reconciler) deleteLost(ctx context.Context, s *scope, unit v1alpha1.Unit) error {
	pod, why := s.facts.units[unit].pod, s.decisions[unit].why
	s.log.Info("Deleting pod of lost unit", "unit", unit, "why", why)
	err := r.Client.Delete(ctx, pod, client.Preconditions{UID: &pod.UID}, client.GracePeriodSeconds(0))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting pod %s, which its node does not terminate: %w", pod.Name, err)
	}
	r.record(s.pair, pod, noticeUnitLost, "Replacing lost unit %s: %s", unit, lowerFirst(why))
	return nil
}
