package hapair

import (
	"context"
	"errors"
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

// Reconciler brings pairs to the state that their specs describe.
type Reconciler struct {
	// Client reads from the cache, which holds only objects with the label of a pair, and writes.
	Client client.Client
	// Live reads from the API server: objects of users, and what must be certain before something is deleted.
	Live client.Reader
	// Events records transitions.
	Events events.EventRecorder
	// Images are those of the units' containers.
	Images resources.Images
	// Allowed is what pairs may refer to.
	Allowed resources.Allowed
	// Now returns the current time.
	Now func() time.Time

	// certificates remembers the certificates of pairs from one reconcile to the next.
	certificates certificates.Memory
}

// step is one part of a reconcile. A refusal becomes a blocker and does not end the reconcile; other errors do.
type step func(context.Context, *scope) error

// Reconcile brings one pair as close to its spec as is possible now.
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
	err := r.reconcile(ctx, s)
	if err == nil && s.repointed {
		s.log.V(1).Info("The Service follows the Lease; the other steps run after those of pairs that failed over")
		return ctrl.Result{RequeueAfter: time.Millisecond, Priority: new(priorityNormal)}, nil
	}
	switch published := client.IgnoreNotFound(r.publish(ctx, s)); {
	case apierrors.IsConflict(published):
		s.log.V(1).Info("Publishing the status again, since the pair changed meanwhile")
		s.requeueAt(r.Now().Add(conflictInterval))
	case published != nil:
		err = errors.Join(err, published)
	}
	return ctrl.Result{RequeueAfter: s.requeueAfter(r.Now()), Priority: new(priorityNormal)}, err
}

// reconcile runs the steps. The Service follows the Lease first of all, and needs nothing of what can fail later.
func (r *Reconciler) reconcile(ctx context.Context, s *scope) error {
	if err := r.run(ctx, s, r.observe, r.repoint); err != nil || s.repointed || !s.facts.whole {
		return err
	}
	return r.run(ctx, s,
		r.labelRoles,
		// The Lease carries pauses and requested switchovers to the units, whatever else is wrong.
		r.resolveSwitchover,
		r.ensureLease,
		r.resolveSync,
		r.resolveDocument,
		r.checkAllowed,
		r.prerequisite(r.ensureIdentity),
		r.prerequisite(r.ensureHAUnits),
		r.prerequisite(r.ensureCertificates),
		r.ensureAccess,
		r.prerequisite(r.ensureConfiguration),
		r.ensureUnits,
	)
}

const (
	// conflictInterval is the delay after which a reconcile that read an outdated pair is repeated.
	conflictInterval = 200 * time.Millisecond
	// refusalInterval is the delay after which a refused write is repeated. The operator does not watch what removes the
	// refusal: a quota, an admission policy, an object of someone else.
	refusalInterval = 10 * time.Second
)

// run runs steps in order. A refused step becomes a blocker, and the next steps still run. A step stops by itself if it
// depends on what is missing. Nothing may be done without facts, so the list ends there.
func (r *Reconciler) run(ctx context.Context, s *scope, steps ...step) error {
	for _, step := range steps {
		if err := r.blockRefused(s, blockerRefused, step(ctx, s)); err != nil {
			return err
		}
		if !s.facts.whole {
			return nil
		}
	}
	return nil
}

// prerequisite makes a refusal of a step keep units from being created: they would run with objects of someone else.
func (r *Reconciler) prerequisite(required step) step {
	return func(ctx context.Context, s *scope) error {
		return r.blockRefused(s, blockerPrerequisite, required(ctx, s))
	}
}

// blockRefused records a refusal as a blocker and returns any other error.
func (r *Reconciler) blockRefused(s *scope, kind blockerKind, err error) error {
	refused := refusal(err)
	if refused == "" {
		return err
	}
	s.block(blocker{kind: kind, message: refused})
	s.requeueAt(r.Now().Add(refusalInterval))
	return nil
}

// objects returns what applies the objects of a pair.
func (r *Reconciler) objects() owned.Applier { return owned.Applier{Client: r.Client, Live: r.Live} }

// ensure applies an object of the pair if it is not as wanted. It fills current with the cached object as it was.
func (r *Reconciler) ensure(
	ctx context.Context, pair *v1alpha1.HAPair, current client.Object, wanted owned.Configuration,
) error {
	_, err := r.objects().Ensure(ctx, pair, current, wanted)
	return err
}
