package hapair

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// overdueAfter is how long after its grace period a pod that is being deleted is still thought to go by itself.
const overdueAfter = 30 * time.Second

// overdueAt is from when on a pod that is being deleted should have gone: its deletion is due at the end of its grace
// period.
func overdueAt(pod *corev1.Pod) time.Time { return pod.DeletionTimestamp.Add(overdueAfter) }

// findLost finds the units whose pods nobody ends, since the node that should is gone or does not answer.
func (r *Reconciler) findLost(ctx context.Context, s *scope) error {
	for unit, own := range s.facts.units {
		if !own.terminating() || r.Now().Before(overdueAt(own.pod)) {
			continue
		}
		answers, err := r.nodeAnswers(ctx, own.pod.Spec.NodeName)
		if err != nil {
			return err
		}
		own.lost = !answers
		s.facts.units[unit] = own
	}
	return nil
}

// nodeAnswers tells whether the kubelet of a node is heard of.
func (r *Reconciler) nodeAnswers(ctx context.Context, name string) (bool, error) {
	if name == "" {
		return false, nil
	}
	node := &corev1.Node{}
	if err := r.Live.Get(ctx, client.ObjectKey{Name: name}, node); apierrors.IsNotFound(err) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("looking for node %s: %w", name, err)
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status != corev1.ConditionUnknown, nil // what nobody hears of becomes unknown
		}
	}
	return true, nil // it only just came
}

// forget takes away a pod without waiting for a kubelet to say that it ended. A unit that runs on all the same is no
// danger: it forwards only by the Lease, which names another then, or by the promise of its peer, which speaks with the
// unit's new pod.
func (r *Reconciler) forget(ctx context.Context, s *scope, unit v1alpha1.Unit) error {
	pod, why := s.facts.units[unit].pod, s.decisions[unit].why
	s.log.Info("Giving up pod of lost unit", "unit", unit, "why", why)
	err := r.Client.Delete(ctx, pod, client.Preconditions{UID: &pod.UID}, client.GracePeriodSeconds(0))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting pod %s, which its node does not end: %w", pod.Name, err)
	}
	r.tell(s.pair, pod, noticeUnitLost, "Giving up unit %s to make it anew: %s", unit, lower(why))
	return nil
}
