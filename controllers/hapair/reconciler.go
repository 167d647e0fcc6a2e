package hapair

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	// Pacing bounds how many pairs are updated at the same time.
	Pacing Pacing
	// Now returns the current time.
	Now func() time.Time

	// certificates remembers the certificates of pairs from one reconcile to the next.
	certificates certificates.Memory
	turns        turns
}

// step is one part of a reconcile. A refusal becomes a blocker and does not end the reconcile; other errors do.
type step func(context.Context, *scope) error

// Reconcile brings one pair as close to its spec as is possible now.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	pair := &v1alpha1.HAPair{}
	if err := r.Client.Get(ctx, request.NamespacedName, pair); err != nil {
		if apierrors.IsNotFound(err) {
			r.certificates.Delete(request.NamespacedName)
			r.turns.release(request.NamespacedName)
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
	err := r.run(ctx, s, r.observe, r.repoint)
	if s.repointed || !s.facts.whole {
		return err
	}
	return errors.Join(err, r.run(ctx, s,
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
	))
}

const (
	// conflictInterval is the delay after which a reconcile that read an outdated pair is repeated.
	conflictInterval = 200 * time.Millisecond
	// refusalInterval is the delay after which a refused write is repeated. The operator does not watch what removes the
	// refusal: a quota, an admission policy, an object of someone else.
	refusalInterval = 10 * time.Second
	// maxRefusalInterval bounds that delay for a pair that has been stalled for long.
	maxRefusalInterval = 2 * time.Minute
)

// run runs steps in order. A step that fails does not stop the next ones: whatever is refused, lost units are healed.
// A step stops by itself if it depends on what is missing. Nothing may be done without facts, so the list ends there.
func (r *Reconciler) run(ctx context.Context, s *scope, steps ...step) error {
	var errs []error
	for _, step := range steps {
		errs = append(errs, r.blockRefused(s, blockerRefused, step(ctx, s)))
		if !s.facts.whole || ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// prerequisite makes objects of someone else keep units from being created, since the units would run with them. An
// object that is merely refused keeps no unit from being created: the kubelet waits for what a pod mounts.
func (r *Reconciler) prerequisite(required step) step {
	return func(ctx context.Context, s *scope) error {
		var others []error
		for _, err := range split(required(ctx, s)) {
			kind := blockerRefused
			if foreign := (*owned.ForeignObjectError)(nil); errors.As(err, &foreign) {
				kind = blockerPrerequisite
			}
			others = append(others, r.blockRefused(s, kind, err))
		}
		return errors.Join(others...)
	}
}

// blockRefused records each refusal as a blocker and returns the other errors. While there is such an error, no working
// unit is replaced.
func (r *Reconciler) blockRefused(s *scope, kind blockerKind, err error) error {
	var others []error
	for _, err := range split(err) {
		refused := refusal(err)
		if refused == "" {
			others = append(others, err)
			s.failed = true
			continue
		}
		s.block(blocker{kind: kind, message: refused + remedyOf(err)})
		s.requeueAt(r.Now().Add(r.refusalDelay(s)))
	}
	return errors.Join(others...)
}

// refusalDelay returns the delay after which a refused write is repeated. It grows with the time for which the pair has
// been stalled, so that many pairs that are refused alike do not load the API server.
func (r *Reconciler) refusalDelay(s *scope) time.Duration {
	c := meta.FindStatusCondition(s.pair.Status.Conditions, v1alpha1.ConditionStalled)
	if c == nil || c.Status != metav1.ConditionTrue {
		return refusalInterval
	}
	return min(max(r.Now().Sub(c.LastTransitionTime.Time)/4, refusalInterval), maxRefusalInterval)
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
