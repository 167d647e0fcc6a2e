package owned

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/apply"
	"github.com/hapair-io/hapair/controllers/trimmed"
)

// Configuration has the methods that every generated apply configuration has.
type Configuration interface {
	runtime.ApplyConfiguration
	GetName() *string
	GetNamespace() *string
}

// Applier applies the objects of a pair.
type Applier struct {
	// Client reads the trimmed cache, and writes.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
}

// Ensure applies wanted if it differs from what the operator applied last, and reports whether it wrote. It fills
// current with the cached object as it was before; current stays empty if the object did not exist.
func (a Applier) Ensure(
	ctx context.Context, pair *v1alpha1.HAPair, current client.Object, wanted Configuration,
) (wrote bool, _ error) {
	what, err := describe(a.Client.Scheme(), current, wanted)
	if err != nil {
		return false, err
	}
	key := client.ObjectKey{Namespace: *wanted.GetNamespace(), Name: *wanted.GetName()}
	applied, err := trimmed.Read(ctx, a.Client, key, current)
	switch {
	case apierrors.IsNotFound(err):
		// The cache selects by label. A user's object of this name may exist without the label.
		if err := a.refuseForeign(ctx, pair, current, key, what); err != nil {
			return false, err
		}
	case err != nil:
		return false, fmt.Errorf("reading %s: %w", what, err)
	case !metav1.IsControlledBy(current, pair):
		return false, &ForeignObjectError{Object: what}
	default:
		if same, err := applied.Matches(wanted); err != nil || same {
			return false, err
		}
	}
	if err := a.Client.Apply(ctx, wanted, apply.FieldOwner, client.ForceOwnership); err != nil {
		return false, fmt.Errorf("applying %s: %w", what, err)
	}
	return true, nil
}

// Try checks whether the API server admits an object as Ensure would write it. Nothing is stored. The error is the
// refusal.
func (a Applier) Try(ctx context.Context, wanted Configuration) error {
	// Nothing is stored, so the client must not wait for its cache to have the result.
	return a.Client.Apply(ctx, wanted, apply.FieldOwner, client.ForceOwnership, client.DryRunAll,
		client.DisableReadYourWritesConsistency)
}

// EnsureStatus applies the status of an object of the pair if it differs from what the operator applied last. It fills
// current as Ensure does.
func (a Applier) EnsureStatus(ctx context.Context, current client.Object, wanted Configuration) error {
	what, err := describe(a.Client.Scheme(), current, wanted)
	if err != nil {
		return err
	}
	key := client.ObjectKey{Namespace: *wanted.GetNamespace(), Name: *wanted.GetName()}
	applied, err := trimmed.Read(ctx, a.Client, key, current)
	if err != nil {
		return fmt.Errorf("reading %s: %w", what, err)
	}
	if same, err := applied.StatusMatches(wanted); err != nil || same {
		return err
	}
	if err := a.Client.Status().Apply(ctx, wanted, apply.FieldOwner, client.ForceOwnership); err != nil {
		return fmt.Errorf("applying the status of %s: %w", what, err)
	}
	return nil
}

// refuseForeign returns a ForeignObjectError if an object of this name exists that the pair does not own. Applying
// would change that object, and deleting the pair would delete it.
func (a Applier) refuseForeign(
	ctx context.Context, pair *v1alpha1.HAPair, kind client.Object, key client.ObjectKey, what string,
) error {
	gvk, err := apiutil.GVKForObject(kind, a.Client.Scheme())
	if err != nil {
		return fmt.Errorf("looking for %s: %w", what, err)
	}
	found := &metav1.PartialObjectMetadata{}
	found.SetGroupVersionKind(gvk)
	switch err := a.Live.Get(ctx, key, found); {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("looking for %s: %w", what, err)
	case !metav1.IsControlledBy(found, pair):
		return &ForeignObjectError{Object: what}
	default:
		return nil
	}
}

// ForeignObjectError reports that a name which the pair needs is taken by an object that the pair does not own.
type ForeignObjectError struct {
	// Object is the kind, namespace and name.
	Object string
}

// Error returns what a user can do about the conflict.
func (e *ForeignObjectError) Error() string {
	return fmt.Sprintf("%s exists and does not belong to this pair; remove it, or give the pair another name", e.Object)
}

func describe(scheme *runtime.Scheme, kind client.Object, named Configuration) (string, error) {
	gvk, err := apiutil.GVKForObject(kind, scheme)
	if err != nil {
		return "", fmt.Errorf("naming the kind of %s: %w", *named.GetName(), err)
	}
	return fmt.Sprintf("%s %s/%s", gvk.Kind, *named.GetNamespace(), *named.GetName()), nil
}

// ReadSecret reads a Secret of the pair. It returns an empty one if the Secret does not exist.
func ReadSecret(
	ctx context.Context, reader client.Reader, pair *v1alpha1.HAPair, name string,
) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := reader.Get(ctx, client.ObjectKey{Namespace: pair.Namespace, Name: name}, secret)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("reading Secret %s: %w", name, err)
	}
	return secret, nil
}
