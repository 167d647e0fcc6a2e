package hapair

import (
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

const (
	// concurrentPairs are reconciled at the same time, each pair by itself one after another. Most of a reconcile is
	// waiting for the API server, and when a node with many active units dies all their pairs want one.
	concurrentPairs = 16
	// reconcileTimeout bounds one reconcile against an API server that does not answer.
	reconcileTimeout = 30 * time.Second
)

// CachedObjects restricts the cache to what belongs to pairs: of the cluster's pods, Secrets and the like, most do not
// concern the operator, and it should not hold them.
func CachedObjects() (map[client.Object]cache.ByObject, error) {
	ofPair, err := labels.NewRequirement(v1alpha1.LabelPair, selection.Exists, nil)
	if err != nil {
		return nil, fmt.Errorf("selecting what belongs to pairs: %w", err)
	}
	cached := map[client.Object]cache.ByObject{}
	for _, kind := range owned() {
		selected := cache.ByObject{Label: labels.NewSelector().Add(*ofPair)}
		if _, pod := kind.(*corev1.Pod); pod {
			selected.Transform = lightenPod
		}
		cached[kind] = selected
	}
	return cached, nil
}

// lightenPod keeps of a pod what the operator looks at. The rest, which it never compares since a pod is replaced and
// not changed, is most of what a pair would take of the cache.
func lightenPod(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		pod.ManagedFields = nil
		pod.Spec = corev1.PodSpec{NodeName: pod.Spec.NodeName}
	}
	return object, nil
}

// owned are the kinds that a pair consists of.
func owned() []client.Object {
	return []client.Object{
		&corev1.Pod{}, &corev1.ConfigMap{}, &corev1.Secret{}, &corev1.ServiceAccount{}, &corev1.Service{},
		&rbacv1.Role{}, &rbacv1.RoleBinding{}, &coordinationv1.Lease{}, &policyv1.PodDisruptionBudget{},
		&discoveryv1.EndpointSlice{}, &networkingv1.NetworkPolicy{},
	}
}

// SetupWithManager has the reconciler called whenever something changes that a pair depends on.
func (r *Reconciler) SetupWithManager(manager ctrl.Manager) error {
	if err := index(manager.GetFieldIndexer()); err != nil {
		return err
	}
	documents, err := documentCache(manager)
	if err != nil {
		return err
	}
	setup := ctrl.NewControllerManagedBy(manager).
		Named("hapair").
		For(&v1alpha1.HAPair{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.SyncPolicy{}, r.pairsThatName(indexPolicy),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Secret{}, pairOfIssued()).
		WatchesRawSource(source.Kind[client.Object](documents, configMapMetadata(), r.pairsThatName(indexConfigMap))).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: concurrentPairs,
			ReconciliationTimeout:   reconcileTimeout,
		})
	for _, kind := range owned() {
		if _, lease := kind.(*coordinationv1.Lease); lease {
			setup.Owns(kind, builder.WithPredicates(leaseChanged()))
			continue
		}
		setup.Owns(kind)
	}
	return setup.Complete(r)
}
