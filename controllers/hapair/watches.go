package hapair

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// The fields of a pair that name an object. The cache finds pairs by them.
const (
	indexPolicy        = "spec.syncPolicyRef.name"
	indexConfiguration = "spec.firewall.configurationRef.name"
)

func policyOf(pair *v1alpha1.HAPair) string {
	if reference := pair.Spec.SyncPolicyRef; reference != nil {
		return reference.Name
	}
	return ""
}

func configurationOf(pair *v1alpha1.HAPair) string {
	if reference := pair.Spec.Firewall.ConfigurationRef; reference != nil {
		return reference.Name
	}
	return ""
}

// index makes the cache index pairs by the objects that they name.
func index(indexer client.FieldIndexer) error {
	named := map[string]func(*v1alpha1.HAPair) string{indexPolicy: policyOf, indexConfiguration: configurationOf}
	for field, of := range named {
		extract := func(object client.Object) []string {
			if pair, ok := object.(*v1alpha1.HAPair); ok && of(pair) != "" {
				return []string{of(pair)}
			}
			return nil
		}
		// The cache does not run yet, so there is nothing to wait for.
		if err := indexer.IndexField(context.Background(), &v1alpha1.HAPair{}, field, extract); err != nil {
			return fmt.Errorf("indexing pairs by %s: %w", field, err)
		}
	}
	return nil
}

// pairsThatName returns a handler that reconciles the pairs which name an object in their namespace.
func (r *Reconciler) pairsThatName(field string) handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []reconcile.Request {
		pairs := &v1alpha1.HAPairList{}
		byName := client.MatchingFields{field: object.GetName()}
		if err := r.Client.List(ctx, pairs, client.InNamespace(object.GetNamespace()), byName); err != nil {
			log.FromContext(ctx).Error(err, "Finding the pairs that name an object", "field", field, "value", object.GetName())
			return nil
		}
		requests := make([]reconcile.Request, 0, len(pairs.Items))
		for i := range pairs.Items {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&pairs.Items[i])})
		}
		return requests
	})
}
