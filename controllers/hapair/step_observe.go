package hapair

import (
	"context"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/owned"
	"github.com/hapair-io/hapair/internal/resources"
)

// observe reads the Lease and the pods. All other steps act on these facts, so a part that cannot be read ends the
// reconcile.
func (r *Reconciler) observe(ctx context.Context, s *scope) error {
	seen, err := observe(ctx, r.Client, s.pair)
	if err != nil {
		return err
	}
	s.facts = seen
	return nil
}

// observe gathers the facts from a reader: the cache, or the API server itself before something that cannot be undone.
func observe(ctx context.Context, reader client.Reader, pair *v1alpha1.HAPair) (facts, error) {
	seen := facts{units: map[v1alpha1.Unit]unitFacts{}}

	lease := &coordinationv1.Lease{}
	key := client.ObjectKey{Namespace: pair.Namespace, Name: resources.LeaseName(pair.Name)}
	if err := reader.Get(ctx, key, lease); client.IgnoreNotFound(err) != nil {
		return facts{}, fmt.Errorf("reading the Lease: %w", err)
	}
	if lease.Spec.HolderIdentity != nil {
		seen.holder = *lease.Spec.HolderIdentity
	}
	if lease.Spec.LeaseTransitions != nil {
		seen.term = int64(*lease.Spec.LeaseTransitions)
	}
	seen.failoverReport = lease.Annotations[v1alpha1.AnnotationLastFailover]

	for _, unit := range v1alpha1.Units() {
		pod := &corev1.Pod{}
		key := client.ObjectKey{Namespace: pair.Namespace, Name: resources.UnitName(pair.Name, unit)}
		switch err := reader.Get(ctx, key, pod); {
		case apierrors.IsNotFound(err):
			seen.units[unit] = unitFacts{}
		case err != nil:
			return facts{}, fmt.Errorf("reading the pod of unit %s: %w", unit, err)
		case !metav1.IsControlledBy(pod, pair):
			return facts{}, &owned.ForeignObjectError{Object: fmt.Sprintf("Pod %s", key)}
		default:
			seen.units[unit] = unitFacts{pod: pod}
		}
	}
	seen.whole = true
	return seen, nil
}
