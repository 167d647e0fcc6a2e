package hapair

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

const (
	// concurrentPairs are reconciled at the same time; each pair by itself one after another.
	concurrentPairs = 4
	// reconcileTimeout bounds one reconcile against an API server that does not answer.
	reconcileTimeout = 30 * time.Second

	indexPolicy    = "spec.syncPolicyRef.name"
	indexConfigMap = "spec.firewall.configuration.configMapRef.name"
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
		cached[kind] = cache.ByObject{Label: labels.NewSelector().Add(*ofPair)}
	}
	return cached, nil
}

// owned are the kinds that a pair consists of.
func owned() []client.Object {
	return []client.Object{
		&corev1.Pod{}, &corev1.ConfigMap{}, &corev1.Secret{}, &corev1.ServiceAccount{}, &corev1.Service{},
		&rbacv1.Role{}, &rbacv1.RoleBinding{}, &coordinationv1.Lease{}, &policyv1.PodDisruptionBudget{},
		&discoveryv1.EndpointSlice{},
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

// leaseChanged passes over renewals, of which there are several a minute for each pair, and which change nothing.
func leaseChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, okBefore := e.ObjectOld.(*coordinationv1.Lease)
		after, okAfter := e.ObjectNew.(*coordinationv1.Lease)
		if !okBefore || !okAfter {
			return true
		}
		return !equality.Semantic.DeepEqual(withoutRenewal(before), withoutRenewal(after))
	}}
}

func withoutRenewal(lease *coordinationv1.Lease) *coordinationv1.Lease {
	lease = lease.DeepCopy()
	lease.Spec.RenewTime = nil
	lease.ResourceVersion, lease.ManagedFields = "", nil
	return lease
}

func index(indexer client.FieldIndexer) error {
	// The index is made once, before anything is read by it.
	ctx := context.Background()
	err := indexer.IndexField(ctx, &v1alpha1.HAPair{}, indexPolicy, func(object client.Object) []string {
		pair, ok := object.(*v1alpha1.HAPair)
		if !ok || pair.Spec.SyncPolicyRef == nil {
			return nil
		}
		return []string{pair.Spec.SyncPolicyRef.Name}
	})
	if err != nil {
		return fmt.Errorf("indexing pairs by SyncPolicy: %w", err)
	}
	err = indexer.IndexField(ctx, &v1alpha1.HAPair{}, indexConfigMap, func(object client.Object) []string {
		pair, ok := object.(*v1alpha1.HAPair)
		if !ok || pair.Spec.Firewall.Configuration.ConfigMapRef == nil {
			return nil
		}
		return []string{pair.Spec.Firewall.Configuration.ConfigMapRef.Name}
	})
	if err != nil {
		return fmt.Errorf("indexing pairs by ConfigMap: %w", err)
	}
	return nil
}

// documentCache watches the cluster's ConfigMaps, since users' documents have no label to select them by. It keeps the
// names alone: a document is read from the API server when it is needed, and what others write is not held in memory.
func documentCache(manager ctrl.Manager) (cache.Cache, error) {
	documents, err := cache.New(manager.GetConfig(), cache.Options{
		HTTPClient: manager.GetHTTPClient(),
		Scheme:     manager.GetScheme(),
		Mapper:     manager.GetRESTMapper(),
		DefaultTransform: func(object any) (any, error) {
			if metadata, ok := object.(*metav1.PartialObjectMetadata); ok {
				metadata.Labels, metadata.Annotations = nil, nil
				metadata.OwnerReferences, metadata.ManagedFields = nil, nil
			}
			return object, nil
		},
	})
	if err != nil {
		return nil, fmt.Errorf("making the watch of documents: %w", err)
	}
	if err := manager.Add(documents); err != nil {
		return nil, fmt.Errorf("adding the watch of documents: %w", err)
	}
	return documents, nil
}

func configMapMetadata() client.Object {
	metadata := &metav1.PartialObjectMetadata{}
	metadata.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	return metadata
}

// pairsThatName finds the pairs of an object's namespace that name the object.
func (r *Reconciler) pairsThatName(field string) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []reconcile.Request {
		pairs := &v1alpha1.HAPairList{}
		err := r.Client.List(ctx, pairs, client.InNamespace(object.GetNamespace()), client.MatchingFields{field: object.GetName()})
		if err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "Finding the pairs that name an object", "field", field, "name", object.GetName())
			return nil
		}
		requests := make([]reconcile.Request, 0, len(pairs.Items))
		for i := range pairs.Items {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&pairs.Items[i])})
		}
		return requests
	})
}
