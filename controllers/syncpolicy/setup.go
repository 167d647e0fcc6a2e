package syncpolicy

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// SetupWithManager makes the manager call the reconciler whenever a policy changes, or the set of pairs that use it.
func (r *Reconciler) SetupWithManager(manager ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(manager).
		Named("syncpolicy").
		For(&v1alpha1.SyncPolicy{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.HAPair{}, byPair(), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
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
