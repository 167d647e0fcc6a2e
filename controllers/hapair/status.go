package hapair

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/apply"
	v1alpha1ac "github.com/hapair-io/hapair/internal/applyconfiguration/api/v1alpha1"
)

// maxMessage bounds a condition's message in bytes, well below what the API server admits.
const maxMessage = 2048

// publish writes the pair's status; nothing else does. It observes once more, so that the status shows what the steps
// did, and records Events for the transitions.
func (r *Reconciler) publish(ctx context.Context, s *scope) error {
	if err := r.observe(ctx, s); err != nil {
		if err := r.blockRefused(s, blockerRefused, err); err != nil {
			return err
		}
		s.facts = facts{}
	}
	diagnosed := r.diagnose(ctx, s) // A cause that cannot be found keeps nothing else from being published.
	return errors.Join(diagnosed, r.publishStatus(ctx, s))
}

// publishStatus writes the status that follows from the scope, if it differs from the present one.
func (r *Reconciler) publishStatus(ctx context.Context, s *scope) error {
	before := s.pair.Status
	after := statusOf(s, metav1.NewTime(r.Now()))
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	if err := r.applyStatus(ctx, s.pair, after); err != nil {
		return fmt.Errorf("applying the status: %w", err)
	}
	for _, t := range transitions(before, after) {
		r.record(s.pair, nil, t.notice, "%s", t.note)
	}
	if after.LastHandledSwitchoverRequest != before.LastHandledSwitchoverRequest {
		if s.switchover.refused != "" {
			r.record(s.pair, nil, noticeSwitchoverRefused, "Ignoring a requested switchover: %s", s.switchover.refused)
		}
		s.requeueAt(r.Now()) // The Lease still carries the request.
	}
	return nil
}

// applyStatus applies the status of a pair as it was read. The API server refuses it if the pair changed since.
func (r *Reconciler) applyStatus(ctx context.Context, pair *v1alpha1.HAPair, status v1alpha1.HAPairStatus) error {
	applied, err := apply.Convert[v1alpha1ac.HAPairStatusApplyConfiguration](status)
	if err != nil {
		return err
	}
	wanted := v1alpha1ac.HAPair(pair.Name, pair.Namespace).
		WithResourceVersion(pair.ResourceVersion).
		WithStatus(applied)
	return r.Client.Status().Apply(ctx, wanted, apply.FieldOwner, client.ForceOwnership)
}

// statusOf returns the status that the pair should have. Where facts are incomplete, the fields that follow from them
// keep their last values and the conditions are Unknown.
func statusOf(s *scope, now metav1.Time) v1alpha1.HAPairStatus {
	status := *s.pair.Status.DeepCopy()
	status.ObservedGeneration = s.pair.Generation
	if s.facts.whole {
		status.Active = s.facts.active()
		status.Standby = s.facts.standby()
		status.Term = s.facts.term
		status.Units = unitStatuses(s.facts)
		status.History = history(s)
		status.Upgrade = nil
		if s.upgrade != (v1alpha1.UpgradeStatus{}) {
			status.Upgrade = s.upgrade.DeepCopy()
		}
		if s.switchover.isHandled(s.facts) {
			status.LastHandledSwitchoverRequest = s.switchover.request
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

// unitStatuses returns the summary of both units.
func unitStatuses(f facts) []v1alpha1.UnitStatus {
	statuses := []v1alpha1.UnitStatus{}
	for _, unit := range v1alpha1.Units() {
		own := f.units[unit]
		status := v1alpha1.UnitStatus{Name: unit}
		if own.exists() {
			status.Role = own.role()
			status.Pod = own.pod.Name
			status.Node = own.pod.Spec.NodeName
			status.Synchronized = own.reportsTrue(v1alpha1.ConditionSynchronized) && own.ready()
			status.ConfigurationHash = own.configurationHash()
			status.Fence = own.fence()
			status.Healthy, status.Fault = own.health()
		}
		if status.Role == v1alpha1.RoleActive && unit != f.active() {
			// The unit reported that before it was lost; the Lease is newer.
			status.Role = ""
		}
		statuses = append(statuses, status)
	}
	return statuses
}
