package apply

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// conflictInterval is the delay after which a reconcile that read an outdated object is repeated.
const conflictInterval = 200 * time.Millisecond

// Status applies a status as the last part of a reconcile, and returns the result of the reconcile. If the object
// changed meanwhile, the reconcile is repeated. An object that is gone needs no status.
func Status(ctx context.Context, c client.Client, wanted runtime.ApplyConfiguration) (ctrl.Result, error) {
	err := c.Status().Apply(ctx, wanted, FieldOwner, client.ForceOwnership)
	switch {
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: conflictInterval}, nil
	case client.IgnoreNotFound(err) != nil:
		return ctrl.Result{}, fmt.Errorf("applying the status: %w", err)
	default:
		return ctrl.Result{}, nil
	}
}
