package hapair

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/apply"
)

// configuration is what every generated apply configuration can do.
type configuration interface {
	runtime.ApplyConfiguration
	GetName() *string
	GetNamespace() *string
}

// ensure makes an object of the pair what it should be. It writes only when that differs from what the operator applied
// last, so a steady pair costs no write. live is filled with what the cache kept of the object as it was before.
func (r *Reconciler) ensure(
	ctx context.Context, pair *v1alpha1.HAPair, live client.Object, wanted configuration,
) error {
	_, err := r.ensured(ctx, pair, live, wanted)
	return err
}

// ensured also tells whether it wrote.
func (r *Reconciler) ensured(
	ctx context.Context, pair *v1alpha1.HAPair, live client.Object, wanted configuration,
) (wrote bool, _ error) {
	what, err := describe(r.Client.Scheme(), live, wanted)
	if err != nil {
		return false, err
	}
	key := client.ObjectKey{Namespace: *wanted.GetNamespace(), Name: *wanted.GetName()}
	switch err := r.Client.Get(ctx, key, live); {
	case apierrors.IsNotFound(err):
		// What the cache does not show may still be there, without the label: something of the user's.
		if err := r.refuseForeign(ctx, pair, live, key, what); err != nil {
			return false, err
		}
	case err != nil:
		return false, fmt.Errorf("reading %s: %w", what, err)
	case !metav1.IsControlledBy(live, pair):
		return false, &foreignObjectError{what: what}
	default:
		if same, err := says(live, "", wanted); err != nil || same {
			return false, err
		}
	}
	if err := r.Client.Apply(ctx, wanted, apply.FieldOwner, client.ForceOwnership); err != nil {
		return false, fmt.Errorf("applying %s: %w", what, err)
	}
	return true, nil
}

// refuseForeign keeps the operator from taking over an object that it did not make, which would then be changed, and
// removed with the pair.
func (r *Reconciler) refuseForeign(
	ctx context.Context, pair *v1alpha1.HAPair, kind client.Object, key client.ObjectKey, what string,
) error {
	gvk, err := apiutil.GVKForObject(kind, r.Client.Scheme())
	if err != nil {
		return fmt.Errorf("looking for %s: %w", what, err)
	}
	found := &metav1.PartialObjectMetadata{}
	found.SetGroupVersionKind(gvk)
	switch err := r.Live.Get(ctx, key, found); {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("looking for %s: %w", what, err)
	case !metav1.IsControlledBy(found, pair):
		return &foreignObjectError{what: what}
	default:
		return nil
	}
}

// foreignObjectError says that a name that the pair needs is taken.
type foreignObjectError struct{ what string }

func (e *foreignObjectError) Error() string {
	return fmt.Sprintf("%s exists and does not belong to this pair; remove it, or give the pair another name", e.what)
}

func describe(scheme *runtime.Scheme, kind client.Object, named configuration) (string, error) {
	gvk, err := apiutil.GVKForObject(kind, scheme)
	if err != nil {
		return "", fmt.Errorf("naming the kind of %s: %w", *named.GetName(), err)
	}
	return fmt.Sprintf("%s %s/%s", gvk.Kind, *named.GetNamespace(), *named.GetName()), nil
}
