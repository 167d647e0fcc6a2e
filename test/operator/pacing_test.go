//go:build apiserver

package operator

import (
	"context"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/hapair"
	"github.com/hapair-io/hapair/test/operator/units"
)

// fleet is several pairs of one namespace under one manager, whose time the test advances.
type fleet struct {
	*byHand
	names []string
	ahead time.Duration
}

const upgradedSidecar = "example.test/sidecar:2"

func newFleet(ctx context.Context, names ...string) *fleet {
	GinkgoHelper()
	f := &fleet{byHand: newByHand(ctx), names: names}
	f.judge = nil // It knows one pair.
	f.restart(ctx, images.Sidecar)
	for _, name := range names {
		pair := f.pair.DeepCopy()
		pair.Name = name
		pair.Spec.Service = nil
		Expect(admin.Create(ctx, pair)).To(Succeed())
	}
	f.player.Pair = ""
	Eventually(func() bool { return f.round(ctx) }).WithTimeout(time.Minute).Should(BeFalse())
	return f
}

// restart replaces the manager by one of a release with this sidecar.
func (f *fleet) restart(ctx context.Context, sidecar string) {
	GinkgoHelper()
	f.live(ctx, failpoint{})
	f.life.reconciler.Pacing = hapair.Pacing{MaxPairs: 1, Delay: 10 * time.Second}
	f.life.reconciler.Images.Sidecar = sidecar
	f.life.reconciler.Now = func() time.Time { return time.Now().Add(f.ahead) }
}

// round reconciles all pairs, then lets the units of those that are not frozen act. It reports whether anybody acted.
func (f *fleet) round(ctx context.Context, frozen ...string) (acted bool) {
	GinkgoHelper()
	before := f.life.death.writes
	for _, name := range f.names {
		f.life.catchUp(ctx, f.namespace, name)
		_, err := f.life.reconciler.Reconcile(ctx, requestFor(f.namespace, name))
		Expect(err).NotTo(HaveOccurred())
	}
	acted = f.life.death.writes > before
	for _, name := range f.names {
		p := &units.Player{Namespace: f.namespace, Pair: name, Reader: admin, Writer: admin}
		if len(frozen) > 0 && frozen[0] == name {
			continue
		}
		did, err := p.Step(ctx)
		Expect(err).NotTo(HaveOccurred())
		acted = acted || did
	}
	return acted
}

func (f *fleet) read(ctx context.Context, name string) *v1alpha1.HAPair {
	GinkgoHelper()
	pair := &v1alpha1.HAPair{}
	Expect(f.get(ctx, name, pair)).To(Succeed())
	return pair
}

// sidecars returns the images of a pair's sidecars; fewer than two while a unit has no pod.
func (f *fleet) sidecars(ctx context.Context, name string) (found []string, uids []types.UID) {
	GinkgoHelper()
	now, err := units.Read(ctx, admin, client.ObjectKey{Namespace: f.namespace, Name: name})
	Expect(err).NotTo(HaveOccurred())
	for _, unit := range v1alpha1.Units() {
		if pod := now.Pods[unit]; pod != nil && pod.DeletionTimestamp == nil {
			found, uids = append(found, pod.Spec.Containers[1].Image), append(uids, pod.UID)
		}
	}
	return found, uids
}

// disturbed returns the pairs that lack a unit or have a turn.
func (f *fleet) disturbed(ctx context.Context) (names []string) {
	GinkgoHelper()
	for _, name := range f.names {
		pods, _ := f.sidecars(ctx, name)
		if upgrade := f.read(ctx, name).Status.Upgrade; len(pods) < 2 || upgrade != nil && upgrade.StartedAt != nil {
			names = append(names, name)
		}
	}
	return names
}

func reasonOf(pair *v1alpha1.HAPair, condition string) string {
	for _, c := range pair.Status.Conditions {
		if c.Type == condition && c.Status == metav1.ConditionTrue {
			return c.Reason + ": " + c.Message
		}
	}
	return ""
}

var _ = Describe("Several pairs after an upgrade of the operator", func() {
	It("are updated one after the other, and a new leader continues", func(ctx SpecContext) {
		f := newFleet(ctx, "a", "b", "c")
		DeferCleanup(f.leave)
		f.restart(ctx, upgradedSidecar)
		waited := map[string]bool{}
		Eventually(func(g Gomega) {
			f.round(ctx)
			g.Expect(len(f.disturbed(ctx))).To(BeNumerically("<=", 1), "pairs without redundancy")
			left := 0
			for _, name := range f.names {
				pair := f.read(ctx, name)
				if reason := reasonOf(pair, v1alpha1.ConditionReconciling); reason != "" && pair.Status.Upgrade != nil &&
					pair.Status.Upgrade.WaitingSince != nil {
					g.Expect(reason).To(HavePrefix(v1alpha1.ReasonWaitingForTurn))
					waited[name] = true
				}
				found, _ := f.sidecars(ctx, name)
				if !slices.Equal(found, []string{upgradedSidecar, upgradedSidecar}) {
					left++
				}
			}
			f.ahead += time.Second
			f.restart(ctx, upgradedSidecar) // Each round has another leader.
			g.Expect(left).To(BeZero())
		}).WithTimeout(2 * time.Minute).Should(Succeed())
		Expect(waited).To(HaveLen(2))
		var ends []time.Time
		for _, name := range f.names {
			Eventually(func(g Gomega) {
				f.round(ctx)
				g.Expect(f.read(ctx, name).Status.Upgrade).To(HaveField("FinishedAt", Not(BeNil())))
			}).Should(Succeed())
			ends = append(ends, f.read(ctx, name).Status.Upgrade.FinishedAt.Time)
		}
		Expect(ends[1].Sub(ends[0])).To(BeNumerically(">=", 10*time.Second))
		Expect(ends[2].Sub(ends[1])).To(BeNumerically(">=", 10*time.Second))
	})

	It("stop at the first that does not come back, until a person overrides that", func(ctx SpecContext) {
		f := newFleet(ctx, "a", "b")
		DeferCleanup(f.leave)
		_, untouched := f.sidecars(ctx, "b")
		f.restart(ctx, upgradedSidecar)
		for range 6 {
			f.round(ctx, "a") // The units of pair a do not start.
			f.ahead += time.Hour
			_, now := f.sidecars(ctx, "b")
			Expect(now).To(Equal(untouched))
		}
		Expect(f.disturbed(ctx)).To(ConsistOf("a"))
		Expect(reasonOf(f.read(ctx, "b"), v1alpha1.ConditionReconciling)).To(And(
			HavePrefix(v1alpha1.ReasonWaitingForTurn), ContainSubstring("pair "+f.namespace+"/a ")))

		broken := f.read(ctx, "a")
		broken.Spec.Upgrade.Pacing = v1alpha1.PacingImmediate
		Expect(admin.Update(ctx, broken)).To(Succeed())
		Eventually(func() []string {
			f.round(ctx, "a")
			found, _ := f.sidecars(ctx, "b")
			return found
		}).WithTimeout(time.Minute).Should(Equal([]string{upgradedSidecar, upgradedSidecar}))
	})

	It("keep their standbys if admission refuses the new pods", func(ctx SpecContext) {
		f := newFleet(ctx, "a", "b")
		DeferCleanup(f.leave)
		before := map[string][]types.UID{}
		for _, name := range f.names {
			_, before[name] = f.sidecars(ctx, name)
		}
		refusing(ctx, "", "pods", metav1.StatusReasonInvalid)
		f.label(ctx, labelRefuse, "refuse-pods")
		eventuallyRefuses(func() error { return asOperator().Create(ctx, plainPod(f.namespace)) })
		f.restart(ctx, upgradedSidecar)
		for range 4 {
			f.round(ctx)
			f.ahead += time.Hour
		}
		for _, name := range f.names {
			_, now := f.sidecars(ctx, name)
			Expect(now).To(Equal(before[name]))
			Expect(reasonOf(f.read(ctx, name), v1alpha1.ConditionStalled)).To(ContainSubstring("no pods here"))
		}
	})
})
