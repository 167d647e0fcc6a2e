//go:build apiserver

package operator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/operator/units"
	"github.com/hapair-io/hapair/test/poll"
)

const (
	// seedVariable is the variable with the seed of one sequence to run again.
	seedVariable = "HAPAIR_SEED"
	// sequencesVariable is the variable with the number of sequences to run.
	sequencesVariable = "HAPAIR_SEQUENCES"

	sequences  = 200
	atOnce     = 6
	settlesIn  = 40 * time.Second
	idlesFor   = 50 * time.Millisecond
	looksEvery = 20 * time.Millisecond
)

// sequence is one pair and a plan of changes, which happen in turn while the operator and the units act.
type sequence struct {
	seed   uint64
	plan   []change
	chance *rand.Rand
	stage  *stage
	player *units.Player
	reader client.Reader
}

// newSequence draws the plan from the seed alone, so the plan is the same each time. The timing of its changes is not.
func newSequence(seed uint64, reader client.Reader) *sequence {
	chance := rand.New(rand.NewPCG(seed, 1))
	return &sequence{seed: seed, plan: drawPlan(rand.New(rand.NewPCG(seed, 0))), chance: chance, reader: reader}
}

// String returns the seed, with which the sequence can be repeated, and the plan.
func (q *sequence) String() string {
	text := fmt.Sprintf("%s=%d", seedVariable, q.seed)
	for i, c := range q.plan {
		text += fmt.Sprintf("\n  %d. %s", i+1, c.what)
	}
	return text
}

// run carries out the plan. It returns an error if the pair then differs from a new one with the final spec.
func (q *sequence) run(ctx context.Context) error {
	q.stage = newStage(ctx)
	q.player = &units.Player{
		Namespace: q.stage.namespace, Reader: q.reader, Writer: admin, Choose: q.chance.IntN,
	}
	q.stage.create(ctx)
	for _, c := range q.plan {
		if err := q.wander(ctx); err != nil {
			return err
		}
		if err := q.carryOut(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
	}
	fresh := q.stage.seen(ctx)
	fresh.ObjectMeta = metav1.ObjectMeta{Namespace: q.stage.namespace, Name: "fresh-edge"}
	if err := admin.Create(ctx, fresh); err != nil {
		return fmt.Errorf("creating a fresh pair: %w", err)
	}
	return errors.Join(q.converge(ctx), q.rest(ctx))
}

// converge lets the units act until both pairs match their specs, their primary units are active, and the pairs do not
// differ.
func (q *sequence) converge(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, settlesIn)
	defer cancel()
	return poll.Until(limited, looksEvery, "the pairs to become the same", func(context.Context) error {
		for acted := true; acted; {
			var err error
			if acted, err = q.player.Step(ctx); err != nil {
				return err
			}
		}
		for _, name := range []string{"edge", "fresh-edge"} {
			pair := &v1alpha1.HAPair{}
			if err := q.reader.Get(ctx, client.ObjectKey{Namespace: q.stage.namespace, Name: name}, pair); err != nil {
				return err
			}
			if why := unsettled(pair); why != "" {
				return fmt.Errorf("pair %s: %s", name, why)
			}
			if pair.Status.Active != v1alpha1.Primary {
				return errors.Join(q.activatePrimary(ctx, name), fmt.Errorf("pair %s: the secondary unit is active", name))
			}
		}
		got := takeSnapshot(ctx, q.reader, q.stage.namespace, "edge")
		found := got.differences(takeSnapshot(ctx, q.reader, q.stage.namespace, "fresh-edge"))
		if len(found) > 0 {
			return errors.New(strings.Join(found, "\n"))
		}
		return nil
	})
}

// wander lets the units do a few actions, or none.
func (q *sequence) wander(ctx context.Context) error {
	for range q.chance.IntN(4) * q.chance.IntN(5) {
		limited, cancel := context.WithTimeout(ctx, idlesFor)
		err := poll.Until(limited, looksEvery, "something to do", func(context.Context) error {
			acted, err := q.player.Step(ctx)
			if err == nil && !acted {
				return errIdle
			}
			return err
		})
		cancel()
		if err != nil && !errors.Is(err, errIdle) {
			return err
		}
	}
	return nil
}

var errIdle = errors.New("nothing is due")

func (q *sequence) carryOut(ctx context.Context, c change) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if c.around != nil {
			return c.around(ctx, q.stage.namespace)
		}
		pair := &v1alpha1.HAPair{}
		if err := q.stage.get(ctx, "edge", pair); err != nil {
			return err
		}
		c.spec(&pair.Spec)
		return admin.Update(ctx, pair)
	})
}

// activatePrimary gives the Lease to the primary unit of a pair.
func (q *sequence) activatePrimary(ctx context.Context, name string) error {
	pairs, err := q.player.ReadAll(ctx)
	if err != nil {
		return err
	}
	if !pairs[name].Serves(v1alpha1.Primary) || pairs[name].Holds(v1alpha1.Primary) {
		return nil
	}
	if err := pairs[name].Give(v1alpha1.Primary)(ctx, admin); !apierrors.IsConflict(err) {
		return err
	}
	return nil
}

// unsettled returns why a pair does not match its present spec yet; empty if it does.
func unsettled(pair *v1alpha1.HAPair) string {
	for condition, want := range map[string]string{
		v1alpha1.ConditionReady: v1alpha1.ReasonActive, v1alpha1.ConditionRedundant: v1alpha1.ReasonStandbyReady,
		v1alpha1.ConditionSynchronized:         v1alpha1.ReasonInSync,
		v1alpha1.ConditionConfigurationApplied: v1alpha1.ReasonApplied,
		v1alpha1.ConditionReconciling:          v1alpha1.ReasonSettled,
		v1alpha1.ConditionDegraded:             v1alpha1.ReasonHealthy,
	} {
		switch found := meta.FindStatusCondition(pair.Status.Conditions, condition); {
		case found == nil || found.ObservedGeneration != pair.Generation:
			return condition + " is not up to date"
		case found.Reason != want:
			return fmt.Sprintf("%s is %s: %s", condition, found.Reason, found.Message)
		}
	}
	return ""
}

// rest waits until the operator has nothing left to write.
func (q *sequence) rest(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, settlesIn)
	defer cancel()
	return poll.Until(limited, looksEvery, "the operator to have nothing to write", func(context.Context) error {
		before := requests.in(q.stage.namespace).writes
		for _, name := range []string{"edge", "fresh-edge"} {
			if _, err := operator.Reconcile(ctx, requestFor(q.stage.namespace, name)); err != nil {
				return err
			}
		}
		if wrote := requests.in(q.stage.namespace).writes - before; wrote > 0 {
			return fmt.Errorf("a reconcile wrote %d times", wrote)
		}
		return nil
	})
}

// newCachedReader returns a reader for players that does not send each read to the API server.
func newCachedReader(ctx context.Context) client.Reader {
	GinkgoHelper()
	reader, err := cache.New(adminConfig, cache.Options{Scheme: admin.Scheme(), Mapper: admin.RESTMapper()})
	Expect(err).NotTo(HaveOccurred())
	running, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- reader.Start(running) }()
	DeferCleanup(func() {
		end()
		Expect(<-ended).To(Succeed())
	})
	for _, kind := range []client.Object{&v1alpha1.HAPair{}, &v1alpha1.HAUnit{}, &corev1.Pod{}, &coordinationv1.Lease{}} {
		_, err := reader.GetInformer(ctx, kind)
		Expect(err).NotTo(HaveOccurred())
	}
	return reader
}

// number returns the value of an environment variable, or a default.
func number(variable string, otherwise uint64) uint64 {
	GinkgoHelper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	value, err := strconv.ParseUint(text, 10, 64)
	Expect(err).NotTo(HaveOccurred(), variable)
	return value
}
