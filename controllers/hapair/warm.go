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

// Warm is the readiness of an operator, whether it leads or not: it has seen all pairs and all that they consist of. An
// upgrade ends the operator that leads only when the next one is ready, which then follows a failover at once.
func Warm(known cache.Cache) healthz.Checker {
	kinds := []client.Object{&v1alpha1.HAPair{}, &v1alpha1.SyncPolicy{}}
	for kind := range trimmed.Kinds() {
		kinds = append(kinds, kind)
	}
	return func(request *http.Request) error {
		for _, kind := range kinds {
			informer, err := known.GetInformer(request.Context(), kind, cache.BlockUntilSynced(false))
			if err != nil {
				return fmt.Errorf("watching %T: %w", kind, err)
			}
			if !informer.HasSynced() {
				return fmt.Errorf("not all of %T have been seen yet", kind)
			}
		}
		return nil
	}
}
