package firewallconfiguration

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

// SetupWithManager registers the controller. It reconciles a configuration when its spec changes, and when a pair
// begins or ceases to refer to it.
func (r *Reconciler) SetupWithManager(manager ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(manager).
		Named("firewallconfiguration").
		For(&v1alpha1.FirewallConfiguration{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.HAPair{}, enqueueReferenced(), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(r)
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// enqueueReferenced enqueues the configuration that a pair refers to and, after a change, the one it referred to
// before.
func enqueueReferenced() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { enqueue(q, e.Object) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) { enqueue(q, e.ObjectOld, e.ObjectNew) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { enqueue(q, e.Object) },
	}
}

func enqueue(q queue, pairs ...client.Object) {
	for _, object := range pairs {
		if pair, ok := object.(*v1alpha1.HAPair); ok && pair.Spec.Firewall.ConfigurationRef != nil {
			q.Add(reconcile.Request{NamespacedName: types.NamespacedName{
				Namespace: pair.Namespace, Name: pair.Spec.Firewall.ConfigurationRef.Name,
			}})
		}
	}
}
