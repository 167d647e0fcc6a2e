package hapair

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
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
	if err := r.Client.Status().Apply(ctx, statusApplication(s.pair, after), FieldOwner, client.ForceOwnership); err != nil {
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
		}
		if status.Role == v1alpha1.RoleActive && unit != f.active() {
			// It said so before it was lost; the Lease knows better.
			status.Role = ""
		}
		statuses = append(statuses, status)
	}
	return statuses
}

// hapairStatusApplication is the apply configuration that is not generated for this kind.
type hapairStatusApplication struct {
	metav1ac.TypeMetaApplyConfiguration    `json:",inline"`
	*metav1ac.ObjectMetaApplyConfiguration `json:"metadata,omitempty"`

	Status v1alpha1.HAPairStatus `json:"status"`
}

// IsApplyConfiguration marks the type as one.
func (hapairStatusApplication) IsApplyConfiguration() {}

// GetKind, GetAPIVersion, GetName and GetNamespace are what the client asks of one.
func (a *hapairStatusApplication) GetKind() *string { return a.Kind }

// GetAPIVersion is the version of the API.
func (a *hapairStatusApplication) GetAPIVersion() *string { return a.APIVersion }

// GetName is the pair's name.
func (a *hapairStatusApplication) GetName() *string { return a.Name }

// GetNamespace is the pair's namespace.
func (a *hapairStatusApplication) GetNamespace() *string { return a.Namespace }

// statusApplication is refused if the pair changed since it was read, so that a transition is never told twice.
func statusApplication(pair *v1alpha1.HAPair, status v1alpha1.HAPairStatus) *hapairStatusApplication {
	status.Conditions = slices.Clone(status.Conditions)
	return &hapairStatusApplication{
		TypeMetaApplyConfiguration: *metav1ac.TypeMeta().
			WithAPIVersion(v1alpha1.GroupVersion.String()).
			WithKind("HAPair"),
		ObjectMetaApplyConfiguration: metav1ac.ObjectMeta().
			WithName(pair.Name).
			WithNamespace(pair.Namespace).
			WithResourceVersion(pair.ResourceVersion),
		Status: status,
	}
}
