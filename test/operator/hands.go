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

// hands are a stage where everything is done by hand, one thing after the other: a reconcile, then one deed of the
// units, and so on. So a run goes the same way each time, and its manager can be killed at any write.
type hands struct {
	*stage
	player *units.Player
	// judged is nil while nobody judges.
	judged *judge
	life   *life
}

// newHands makes the stage with a manager that lives on; the pair is not created yet.
func newHands(ctx context.Context) *hands {
	GinkgoHelper()
	h := &hands{stage: newStage(ctx)}
	h.pair.Labels = map[string]string{labelByHand: ""}
	h.player = &units.Player{Namespace: h.namespace, Pair: h.pair.Name, Reader: admin, Writer: admin}
	h.judged = &judge{namespace: h.namespace, pair: h.pair.Name}
	h.live(ctx, failpoint{})
	return h
}

// live begins another life of the manager.
func (h *hands) live(ctx context.Context, death failpoint) {
	GinkgoHelper()
	h.leave()
	h.life = beginLife(ctx, h.namespace, death, h.judged)
}

// leave ends the life of the manager.
func (h *hands) leave() {
	if h.life != nil {
		h.life.end()
		h.life = nil
	}
}

// reconcile does so on what there is now, and once more if the manager put off all but the Service, as the queue would
// have it do. It reports whether the manager wrote anything.
func (h *hands) reconcile(ctx context.Context) (wrote bool) {
	GinkgoHelper()
	h.life.catchUp(ctx, h.namespace, h.pair.Name)
	before := h.life.death.writes
	for range 2 {
		result, err := h.life.reconciler.Reconcile(ctx, requestFor(h.namespace, h.pair.Name))
		if h.life.death.dead {
			break
		}
		Expect(err).NotTo(HaveOccurred())
		h.judged.reconciled(ctx)
		if result.RequeueAfter == 0 || result.RequeueAfter > time.Millisecond {
			break
		}
	}
	return h.life.death.writes > before
}

// tooLong is more rounds than any change takes.
const tooLong = 200

// goOn has the manager and the units act in turn until neither has anything left to do. If the manager dies, a new one
// goes on in its place.
func (h *hands) goOn(ctx context.Context) (died bool) {
	GinkgoHelper()
	for range tooLong {
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

// bringUp creates the pair and goes on until it is at rest.
func (h *hands) bringUp(ctx context.Context) {
	GinkgoHelper()
	h.create(ctx)
	h.goOn(ctx)
	h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
}

// snapshot is the pair as the API server has it, once it is at rest.
func (h *hands) snapshot(ctx context.Context) snapshot {
	GinkgoHelper()
	return takeSnapshot(ctx, admin, h.namespace, h.pair.Name)
}

// collect plays the garbage collector: it removes one thing that a pair left which is deleted, and tells whether there
// was any.
func (h *hands) collect(ctx context.Context) bool {
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
