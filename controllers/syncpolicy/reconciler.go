package syncpolicy

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/apply"
	v1alpha1ac "github.com/hapair-io/hapair/internal/applyconfiguration/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

// maxPairs is the number of pairs that the API admits in a status.
const maxPairs = 1000

// Reconciler reports the status of policies.
type Reconciler struct {
	// Client reads from the cache and writes.
	Client client.Client
	// Now returns the current time.
	Now func() time.Time
	// CostDelay is how long the report of a unit may wait until the status of its policy has it; if 0, half a minute. It
	// bounds how often the status of a policy with many pairs is written.
	CostDelay time.Duration
}

// +kubebuilder:rbac:groups=hapair.io,resources=syncpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=hapair.io,resources=syncpolicies/status,verbs=get;patch
// +kubebuilder:rbac:groups=hapair.io,resources=hapairs;haunits,verbs=get;list;watch

// Reconcile brings the status of one policy up to date.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	policy := &v1alpha1.SyncPolicy{}
	if err := r.Client.Get(ctx, request.NamespacedName, policy); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	pairs := &v1alpha1.HAPairList{}
	if err := r.Client.List(ctx, pairs, client.InNamespace(policy.Namespace)); err != nil {
		return ctrl.Result{}, fmt.Errorf("listing the pairs that may use the policy: %w", err)
	}
	using := slices.DeleteFunc(pairs.Items, func(p v1alpha1.HAPair) bool { return !uses(&p, policy.Name) })
	active, err := r.activeUnits(ctx, using)
	if err != nil {
		return ctrl.Result{}, err
	}
	status := statusOf(policy, using, metav1.NewTime(r.Now()))
	status.Classes = costsOf(active)
	if equality.Semantic.DeepEqual(policy.Status, status) {
		return ctrl.Result{}, nil
	}
	applied, err := apply.Convert[v1alpha1ac.SyncPolicyStatusApplyConfiguration](status)
	if err != nil {
		return ctrl.Result{}, err
	}
	wanted := v1alpha1ac.SyncPolicy(policy.Name, policy.Namespace).
		WithResourceVersion(policy.ResourceVersion). // The API server refuses the status if the policy changed.
		WithStatus(applied)
	return apply.Status(ctx, r.Client, wanted)
}

// uses reports whether a pair uses a policy of its namespace.
func uses(pair *v1alpha1.HAPair, policy string) bool {
	return pair.Spec.SyncPolicyRef != nil && pair.Spec.SyncPolicyRef.Name == policy
}

// statusOf returns the status that a policy should have that these pairs use, without the costs.
func statusOf(policy *v1alpha1.SyncPolicy, pairs []v1alpha1.HAPair, now metav1.Time) v1alpha1.SyncPolicyStatus {
	status := *policy.Status.DeepCopy()
	status.ObservedGeneration = policy.Generation
	status.Pairs = nil
	for i := range pairs {
		status.Pairs = append(status.Pairs, pairs[i].Name)
	}
	slices.Sort(status.Pairs)
	status.Pairs = status.Pairs[:min(len(status.Pairs), maxPairs)]

	accepted := metav1.Condition{
		Type:               v1alpha1.ConditionAccepted,
		Status:             metav1.ConditionTrue,
		Reason:             v1alpha1.ReasonValid,
		Message:            "Every class and filter is known",
		ObservedGeneration: policy.Generation,
		LastTransitionTime: now,
	}
	if _, err := resources.Sync(policy); err != nil {
		accepted.Status, accepted.Reason, accepted.Message = metav1.ConditionFalse, v1alpha1.ReasonInvalid, err.Error()
	}
	meta.SetStatusCondition(&status.Conditions, accepted)
	return status
}
