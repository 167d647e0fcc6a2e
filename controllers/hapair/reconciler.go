package hapair

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/certificates"
	"github.com/hapair-io/hapair/controllers/owned"
	"github.com/hapair-io/hapair/internal/resources"
)

// Reconciler makes pairs what their specs say.
type Reconciler struct {
	// Client reads from the cache, which holds only what is labelled as a pair's, and writes.
	Client client.Client
	// Live reads past the cache: what users made, and what must be certain before something is deleted.
	Live client.Reader
	// Events is where transitions are told.
	Events events.EventRecorder
	// Images are those of the units' containers.
	Images resources.Images
	// Now is the clock.
	Now func() time.Time

	// certificates is what is known of pairs' certificates from one reconcile to the next.
	certificates certificates.Memory
}

// step is one part of a reconcile. An error ends the reconcile; a lack that the user has to mend is noted in the scope.
type step func(context.Context, *scope) error

// Reconcile makes one pair what its spec says, as far as that is possible now.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	pair := &v1alpha1.HAPair{}
	if err := r.Client.Get(ctx, request.NamespacedName, pair); err != nil {
		if apierrors.IsNotFound(err) {
			r.certificates.Delete(request.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !pair.DeletionTimestamp.IsZero() {
		// The garbage collector removes what the pair owns.
		return ctrl.Result{}, nil
	}
	s := newScope(pair, log.FromContext(ctx))
	// What follows a failover comes first, and needs nothing of what may fail below.
	err := run(ctx, s, r.observe, r.repoint)
	if err == nil && s.repointed {
		s.log.V(1).Info("The Service follows the Lease; the rest comes when all others do")
		return ctrl.Result{RequeueAfter: time.Millisecond, Priority: new(priorityNormal)}, nil
	}
	if err == nil {
		err = run(ctx, s,
			r.labelRoles,
			// The units learn by the Lease that they are paused, whatever else is wrong.
			r.ensureLease,
			r.resolveSync,
			r.resolveDocument,
			r.ensureIdentity,
			r.ensureCertificates,
			r.ensureAccess,
			r.ensureConfiguration,
			r.ensureUnits,
		)
	}
	if s.refused = refusal(err); s.refused != "" {
		s.log.Info("Waiting for a refusal to be mended", "refusal", s.refused)
		s.lookAgain(r.Now().Add(refusalInterval))
		err = nil
	}
	switch published := client.IgnoreNotFound(r.publish(ctx, s)); {
	case apierrors.IsConflict(published):
		s.log.V(1).Info("Publishing the status again, since the pair changed meanwhile")
		s.lookAgain(r.Now().Add(conflictInterval))
	case published != nil:
		err = errors.Join(err, published)
	}
	return ctrl.Result{RequeueAfter: s.untilNextLook(r.Now()), Priority: new(priorityNormal)}, err
}

const (
	// conflictInterval is after which a reconcile that met a newer pair than it had read is done again.
	conflictInterval = 200 * time.Millisecond
	// refusalInterval is after which something is asked for again that was refused. Whatever mends it (a quota, an
	// admission policy, a foreign object) is nothing that is watched.
	refusalInterval = 10 * time.Second
)

func run(ctx context.Context, s *scope, steps ...step) error {
	for _, step := range steps {
		if err := step(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// refusal is the message of an error that trying again does not mend: the API server, a quota or an admission policy
// refuses what the spec amounts to, or a foreign object is in the way. Other errors pass, and no person has to see
// them.
func refusal(err error) string {
	foreign := &owned.ForeignObjectError{}
	spec := &specError{}
	switch {
	case err == nil:
		return ""
	case errors.As(err, &foreign), errors.As(err, &spec),
		apierrors.IsForbidden(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return err.Error()
	default:
		return ""
	}
}

// specError says that a spec which the API server admitted cannot be carried out.
type specError struct{ err error }

func (e *specError) Error() string { return fmt.Sprintf("carrying out the spec: %v", e.err) }

func (e *specError) Unwrap() error { return e.err }

// objects applies what the pair owns.
func (r *Reconciler) objects() owned.Applier { return owned.Applier{Client: r.Client, Live: r.Live} }

// ensure applies an object of the pair if it is not as wanted. It fills current with the cached object as it was before.
func (r *Reconciler) ensure(
	ctx context.Context, pair *v1alpha1.HAPair, current client.Object, wanted owned.Configuration,
) error {
	_, err := r.objects().Ensure(ctx, pair, current, wanted)
	return err
}
