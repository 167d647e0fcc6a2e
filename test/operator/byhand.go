//go:build apiserver

package operator

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/operator/units"
)

// byHand is a stage on which everything happens in turn: a reconcile, then the actions of the units, and so on. A run
// is the same each time, and its manager can be killed at any write.
type byHand struct {
	*stage
	player *units.Player
	// judge is nil while the operator may do anything.
	judge *judge
	life  *life
}

// newByHand creates the stage with a manager that is not killed and ends with the spec. The pair is not created yet.
func newByHand(ctx context.Context) *byHand {
	GinkgoHelper()
	h := &byHand{stage: newStage(ctx)}
	h.pair.Labels = map[string]string{labelByHand: ""}
	h.player = &units.Player{Namespace: h.namespace, Pair: h.pair.Name, Reader: admin, Writer: admin}
	h.judge = &judge{namespace: h.namespace, pair: h.pair.Name}
	h.live(ctx, failpoint{})
	DeferCleanup(h.leave)
	return h
}

// newBroughtUp creates the stage with a pair that is at rest.
func newBroughtUp(ctx context.Context) *byHand {
	GinkgoHelper()
	h := newByHand(ctx)
	h.bringUp(ctx)
	return h
}

// live starts another life of the manager.
func (h *byHand) live(ctx context.Context, death failpoint) {
	GinkgoHelper()
	h.leave()
	h.life = beginLife(ctx, h.namespace, death, h.judge)
}

// leave stops the manager.
func (h *byHand) leave() {
	if h.life != nil {
		h.life.end()
		h.life = nil
	}
}

// reconcile reconciles the pair as it is now, and reports whether the manager wrote anything. It repeats that,
// as the queue would, if the manager deferred everything but the Service.
func (h *byHand) reconcile(ctx context.Context) (wrote bool) {
	GinkgoHelper()
	h.life.catchUp(ctx, h.namespace, h.pair.Name)
	before := h.life.death.writes
	for range 2 {
		result, err := h.life.reconciler.Reconcile(ctx, requestFor(h.namespace, h.pair.Name))
		if h.life.death.dead {
			break
		}
		Expect(err).NotTo(HaveOccurred())
		h.judge.checkReconciled(ctx)
		if result.RequeueAfter == 0 || result.RequeueAfter > time.Millisecond {
			break
		}
	}
	return h.life.death.writes > before
}

// maxRounds is more rounds than any change takes.
const maxRounds = 200

// continueToRest lets the manager and the units act in turn until neither has anything left to do. If the manager dies,
// a new one takes its place.
func (h *byHand) continueToRest(ctx context.Context) (died bool) {
	GinkgoHelper()
	for range maxRounds {
		wrote := h.reconcile(ctx)
		if h.life.death.dead {
			died = true
			h.live(ctx, failpoint{})
			continue
		}
		acted, err := h.player.Step(ctx)
		Expect(err).NotTo(HaveOccurred())
		if !wrote && !acted {
			return died
		}
	}
	Fail("the pair does not come to rest")
	return died
}

// bringUp creates the pair and continues until it is at rest.
func (h *byHand) bringUp(ctx context.Context) {
	GinkgoHelper()
	h.create(ctx)
	h.continueToRest(ctx)
	h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
}

// snapshot takes a snapshot of the pair.
func (h *byHand) snapshot(ctx context.Context) snapshot {
	GinkgoHelper()
	return takeSnapshot(ctx, admin, h.namespace, h.pair.Name)
}

// collect plays the garbage collector. It removes one object of a deleted pair, and reports whether there was any.
func (h *byHand) collect(ctx context.Context) bool {
	GinkgoHelper()
	current := &v1alpha1.HAPair{}
	err := admin.Get(ctx, client.ObjectKeyFromObject(h.pair), current)
	Expect(client.IgnoreNotFound(err)).To(Succeed())
	for _, list := range kinds() {
		Expect(admin.List(ctx, list, client.InNamespace(h.namespace), client.HasLabels{v1alpha1.LabelPair})).To(Succeed())
		for _, object := range itemsOf(list) {
			if err == nil && current.DeletionTimestamp == nil && metav1.IsControlledBy(object, current) {
				continue
			}
			Expect(admin.Delete(ctx, object, client.GracePeriodSeconds(0))).To(Succeed())
			return true
		}
	}
	return false
}
