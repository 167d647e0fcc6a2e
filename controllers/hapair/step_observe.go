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
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/resources"
)

// observe reads the Lease, the pods and the reports of the units. All other steps act on these facts, so a part that
// cannot be read ends the reconcile.
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
		seen.observeTerm(int64(*lease.Spec.LeaseTransitions), pair.Status.Term)
	}
	seen.switchoverTo = v1alpha1.Unit(lease.Annotations[v1alpha1.AnnotationSwitchoverTo])

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
			own := unitFacts{pod: pod}
			report, err := observeReport(ctx, reader, pair, unit, own)
			if err != nil {
				return facts{}, err
			}
			own.report = report
			seen.units[unit] = own
		}
	}
	seen.whole = true
	return seen, nil
}

// observeTerm stores the term of the Lease. A number that no unit can have written does not replace the known term. The
// active repairs it with its next write.
func (f *facts) observeTerm(transitions, known int64) {
	if transitions < 0 || known > 0 && transitions > known+contract.MaxTermsAhead {
		f.term, f.invalidTerm = known, &transitions
		return
	}
	f.term = transitions
}

// observeReport reads what a unit reports about itself; nil if it has not reported anything yet.
func observeReport(
	ctx context.Context, reader client.Reader, pair *v1alpha1.HAPair, unit v1alpha1.Unit, own unitFacts,
) (*v1alpha1.HAUnitStatus, error) {
	object := &v1alpha1.HAUnit{}
	key := client.ObjectKey{Namespace: pair.Namespace, Name: resources.UnitName(pair.Name, unit)}
	switch err := reader.Get(ctx, key, object); {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // No report is a fact, not an error.
	case err != nil:
		return nil, fmt.Errorf("reading HAUnit %s: %w", key, err)
	case !metav1.IsControlledBy(object, pair):
		return nil, nil //nolint:nilnil // Only the pair's own object counts; ensureHAUnits reports another.
	default:
		return reportOf(unit, own, object), nil
	}
}
