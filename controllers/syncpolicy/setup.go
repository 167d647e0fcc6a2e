package syncpolicy

import (
	"cmp"
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/trimmed"
)

// costDelay is the default of Reconciler.CostDelay.
const costDelay = 30 * time.Second

// SetupWithManager makes the manager call the reconciler whenever a policy changes, or the set of pairs that use it, or
// what a unit reports.
func (r *Reconciler) SetupWithManager(manager ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(manager).
		Named("syncpolicy").
		For(&v1alpha1.SyncPolicy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.HAPair{}, byPair(), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.HAUnit{}, r.byUnit(), builder.WithPredicates(trimmed.Changes())).
		Complete(r)
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// byPair returns a handler that reconciles the policy that a pair names, and the one that it named before an update.
func byPair() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { enqueue(q, e.Object) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) { enqueue(q, e.ObjectOld, e.ObjectNew) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { enqueue(q, e.Object) },
	}
}

func enqueue(q queue, pairs ...client.Object) {
	for _, object := range pairs {
		if pair, ok := object.(*v1alpha1.HAPair); ok && pair.Spec.SyncPolicyRef != nil {
			q.Add(reconcile.Request{NamespacedName: types.NamespacedName{
				Namespace: pair.Namespace, Name: pair.Spec.SyncPolicyRef.Name,
			}})
		}
	}
}

// byUnit returns a handler that reconciles the policy of a unit's pair, after a while. All reports of that time need
// one reconcile.
func (r *Reconciler) byUnit() handler.EventHandler {
	after := cmp.Or(r.CostDelay, costDelay)
	reported := func(ctx context.Context, unit client.Object, q queue) {
		owner := metav1.GetControllerOf(unit)
		if owner == nil {
			return
		}
		pair := &v1alpha1.HAPair{}
		key := client.ObjectKey{Namespace: unit.GetNamespace(), Name: owner.Name}
		if err := r.Client.Get(ctx, key, pair); err != nil {
			if client.IgnoreNotFound(err) != nil {
				log.FromContext(ctx).Error(err, "Finding the policy of a unit", "unit", unit.GetName())
			}
			return
		}
		if reference := pair.Spec.SyncPolicyRef; reference != nil {
			name := types.NamespacedName{Namespace: pair.Namespace, Name: reference.Name}
			q.AddAfter(reconcile.Request{NamespacedName: name}, after)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { reported(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { reported(ctx, e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { reported(ctx, e.Object, q) },
	}
}
