package hapair

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/owned"
	"github.com/hapair-io/hapair/internal/resources"
)

// ensureHAUnits creates the objects in which the units report about themselves. Their specs are immutable, so an object
// that exists and belongs to the pair is never written again.
func (r *Reconciler) ensureHAUnits(ctx context.Context, s *scope) error {
	var errs []error
	for _, unit := range v1alpha1.Units() {
		errs = append(errs, r.ensureHAUnit(ctx, s, unit))
	}
	return errors.Join(errs...)
}

func (r *Reconciler) ensureHAUnit(ctx context.Context, s *scope, unit v1alpha1.Unit) error {
	current := &v1alpha1.HAUnit{}
	key := client.ObjectKey{Namespace: s.pair.Namespace, Name: resources.UnitName(s.pair.Name, unit)}
	switch err := r.Client.Get(ctx, key, current); {
	case apierrors.IsNotFound(err):
		return r.ensure(ctx, s.pair, &v1alpha1.HAUnit{}, resources.HAUnit(s.pair, unit))
	case err != nil:
		return fmt.Errorf("reading HAUnit %s: %w", key, err)
	case !metav1.IsControlledBy(current, s.pair):
		return &owned.ForeignObjectError{Object: fmt.Sprintf("HAUnit %s", key)}
	default:
		return nil
	}
}
