package hapair

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/apply"
)

// publish is the one writer of a pair's status. It looks once more, so that the status tells what the steps brought
// about, and then at once tells of transitions. Facts that are not whole change nothing: the status then stays what was
// last known.
func (r *Reconciler) publish(ctx context.Context, s *scope) error {
	if err := r.observe(ctx, s); err != nil {
		if s.refused == "" {
			return err
		}
		s.facts = facts{}
	}
	if err := r.explain(ctx, s); err != nil {
		return err
	}
	before := s.pair.Status
	after := statusOf(s, metav1.NewTime(r.Now()))
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	wanted := apply.NewStatus("HAPair", s.pair, after)
	if err := r.Client.Status().Apply(ctx, wanted, apply.FieldOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("applying the status: %w", err)
	}
	for _, t := range transitions(before, after) {
		r.tell(s.pair, nil, t.notice, "%s", t.note)
	}
	return nil
}

// statusOf is what the pair's status should say.
func statusOf(s *scope, now metav1.Time) v1alpha1.HAPairStatus {
	status := *s.pair.Status.DeepCopy()
	status.ObservedGeneration = s.pair.Generation
	if s.facts.whole {
		status.Active = s.facts.active()
		status.Standby = s.facts.standby()
		status.Term = s.facts.term
		status.Units = unitStatuses(s.facts)
		if last := lastFailover(s); last != nil {
			status.LastFailover = last
		}
	}
	for _, condition := range conditionsOf(s) {
		condition.ObservedGeneration = s.pair.Generation
		condition.LastTransitionTime = now
		condition.Message = shorten(condition.Message, maxMessage)
		meta.SetStatusCondition(&status.Conditions, condition)
	}
	return status
}

// maxMessage bounds a condition's message well below what the API server admits.
const maxMessage = 2048

func unitStatuses(f facts) []v1alpha1.UnitStatus {
	statuses := []v1alpha1.UnitStatus{}
	for _, unit := range v1alpha1.Units() {
		own := f.units[unit]
		status := v1alpha1.UnitStatus{Name: unit}
		if own.exists() {
			status.Role = own.role()
			status.Pod = own.pod.Name
			status.Node = own.pod.Spec.NodeName
			status.Synchronized = own.is(v1alpha1.PodConditionSynchronized) && own.ready()
			status.ConfigurationHash = own.configurationHash()
			status.Fence = own.fence()
			status.Healthy, status.Fault = own.health()
		}
		if status.Role == v1alpha1.RoleActive && unit != f.active() {
			// It said so before it was lost; the Lease knows better.
			status.Role = ""
		}
		statuses = append(statuses, status)
	}
	return statuses
}
