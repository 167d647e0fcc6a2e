package hapair

import (
	"fmt"
	"net/http"

	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/trimmed"
)

// CachesSynced returns the readiness check of an operator, whether it leads or not: its caches hold all pairs, all
// objects that pairs name, and all that pairs own. In an upgrade the leading operator ends only when the next one is
// ready, so the next one follows a failover at once.
func CachesSynced(known cache.Cache) healthz.Checker {
	kinds := []client.Object{&v1alpha1.HAPair{}, &v1alpha1.SyncPolicy{}, &v1alpha1.FirewallConfiguration{}}
	kinds = append(kinds, trimmed.Kinds()...)
	return func(request *http.Request) error {
		for _, kind := range kinds {
			informer, err := known.GetInformer(request.Context(), kind, cache.BlockUntilSynced(false))
			if err != nil {
				return fmt.Errorf("watching %T: %w", kind, err)
			}
			if !informer.HasSynced() {
				return fmt.Errorf("the cache of %T is not synced yet", kind)
			}
		}
		return nil
	}
}
