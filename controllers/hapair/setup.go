package hapair

import (
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/trimmed"
)

const (
	// concurrentPairs is how many pairs are reconciled at the same time. A reconcile mostly waits for the API server, and
	// all pairs that had their active unit on a node need one when that node dies.
	concurrentPairs = 16
	// reconcileTimeout bounds one reconcile while the API server does not respond.
	reconcileTimeout = 30 * time.Second
)

// SetupWithManager makes the manager call the reconciler whenever something changes that a pair depends on.
func (r *Reconciler) SetupWithManager(manager ctrl.Manager) error {
	return r.SetupAs(r, manager)
}

// SetupAs makes the manager call another reconciler, which stands in front of this one.
func (r *Reconciler) SetupAs(front reconcile.Reconciler, manager ctrl.Manager) error {
	if err := index(manager.GetFieldIndexer()); err != nil {
		return err
	}
	setup := ctrl.NewControllerManagedBy(manager).
		Named("hapair").
		For(&v1alpha1.HAPair{}, builder.WithPredicates(predicate.Or(
			predicate.GenerationChangedPredicate{}, switchoverRequestChanged()))).
		Watches(&v1alpha1.HAPair{}, r.nextInTurn(), builder.WithPredicates(turnFreed())).
		Watches(&v1alpha1.SyncPolicy{}, r.pairsThatName(indexPolicy),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.FirewallConfiguration{}, r.pairsThatName(indexConfiguration),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Secret{}, pairOfIssuedSecret(), builder.WithPredicates(trimmed.Changes())).
		Watches(&coordinationv1.Lease{}, withFailoverPriority(enqueueOwner(manager)),
			builder.WithPredicates(trimmed.Changes())).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: concurrentPairs,
			ReconciliationTimeout:   reconcileTimeout,
			// A replica that waits to lead fills its caches meanwhile, so it acts at once when it leads.
			EnableWarmup: new(true),
		})
	for _, kind := range trimmed.Kinds() {
		if _, lease := kind.(*coordinationv1.Lease); !lease {
			setup.Owns(kind, builder.WithPredicates(trimmed.Changes()))
		}
	}
	return setup.Complete(front)
}
