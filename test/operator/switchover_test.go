//go:build apiserver

package operator

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/operator/units"
)

// annotate sets annotations of the pair as a user does.
func (s *stage) annotate(ctx context.Context, annotations map[string]string) {
	GinkgoHelper()
	Eventually(func() error {
		if err := admin.Get(ctx, client.ObjectKeyFromObject(s.pair), s.pair); err != nil {
			return err
		}
		for name, value := range annotations {
			metav1.SetMetaDataAnnotation(&s.pair.ObjectMeta, name, value)
		}
		return admin.Update(ctx, s.pair)
	}).Should(Succeed())
}

// kstatusOf returns what tools such as Flux and Argo CD compute from the pair.
func (s *stage) kstatusOf(ctx context.Context) kstatus.Status {
	GinkgoHelper()
	pair := s.seen(ctx)
	pair.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind("HAPair"))
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(pair)
	Expect(err).NotTo(HaveOccurred())
	computed, err := kstatus.Compute(&unstructured.Unstructured{Object: fields})
	Expect(err).NotTo(HaveOccurred())
	return computed.Status
}

var _ = Describe("A requested switchover", func() {
	const first, second = "2031-05-04T03:02:01Z", "2031-05-04T03:02:02+02:00"
	var s *stage
	BeforeEach(func(ctx SpecContext) {
		s = newStage(ctx)
		s.create(ctx)
		s.settle(ctx)
	})
	request := func(ctx context.Context, at string) {
		GinkgoHelper()
		s.annotate(ctx, map[string]string{v1alpha1.AnnotationSwitchoverRequestedAt: at})
	}
	handled := func(ctx context.Context) string { return s.seen(ctx).Status.LastHandledSwitchoverRequest }
	// moveTo plays the units of which the active one hands over.
	moveTo := func(ctx context.Context, unit v1alpha1.Unit, term int32) {
		GinkgoHelper()
		s.hold(ctx, unit, term)
		s.report(ctx, unit, units.RoleIs(v1alpha1.RoleActive))
		s.report(ctx, unit.Peer(), units.RoleIs(v1alpha1.RoleStandby))
	}
	carried := HaveKey(v1alpha1.AnnotationSwitchoverTo)
	carriedTo := func(unit v1alpha1.Unit) OmegaMatcher {
		return HaveKeyWithValue(v1alpha1.AnnotationSwitchoverTo, string(unit))
	}

	It("reaches the units by the Lease, and is handled when the standby holds it", func(ctx SpecContext) {
		request(ctx, first)
		Eventually(s.leaseNotes).WithArguments(ctx).Should(carriedTo(v1alpha1.Secondary))
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSwitchoverPending, "unit secondary")
		Expect(s.kstatusOf(ctx)).To(Equal(kstatus.InProgressStatus))
		Consistently(handled).WithArguments(ctx).Should(BeEmpty())
		s.rest(ctx)

		moveTo(ctx, v1alpha1.Secondary, 2)
		Eventually(handled).WithArguments(ctx).Should(Equal(first))
		Eventually(s.leaseNotes).WithArguments(ctx).ShouldNot(carried)
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
		Expect(s.seen(ctx).Status.Active).To(Equal(v1alpha1.Secondary))
		Expect(s.kstatusOf(ctx)).To(Equal(kstatus.CurrentStatus))
		Expect(s.seen(ctx).Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationSwitchoverRequestedAt, first),
			"the annotation is the user's")

		By("not moving the role back for a request that is handled")
		s.rest(ctx)
		Consistently(s.leaseNotes).WithArguments(ctx).ShouldNot(carried)

		By("moving the role back for the next request")
		request(ctx, second)
		Eventually(s.leaseNotes).WithArguments(ctx).Should(carriedTo(v1alpha1.Primary))
		moveTo(ctx, v1alpha1.Primary, 3)
		Eventually(handled).WithArguments(ctx).Should(Equal(second))
		Eventually(s.leaseNotes).WithArguments(ctx).ShouldNot(carried)
		s.rest(ctx)
	})

	It("is handled at once when it names the active unit", func(ctx SpecContext) {
		s.annotate(ctx, map[string]string{
			v1alpha1.AnnotationSwitchoverRequestedAt: first, v1alpha1.AnnotationSwitchoverTo: "primary",
		})
		Eventually(handled).WithArguments(ctx).Should(Equal(first))
		Eventually(s.leaseNotes).WithArguments(ctx).ShouldNot(carried)
		s.rest(ctx)
	})

	It("reaches the units of a paused pair", func(ctx SpecContext) {
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Paused = true })
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonPaused)
		request(ctx, first)
		Eventually(s.leaseNotes).WithArguments(ctx).Should(And(
			carriedTo(v1alpha1.Secondary), HaveKeyWithValue(v1alpha1.AnnotationPaused, "true")))
	})

	It("ends when the user withdraws it", func(ctx SpecContext) {
		request(ctx, first)
		Eventually(s.leaseNotes).WithArguments(ctx).Should(carriedTo(v1alpha1.Secondary))
		Expect(admin.Patch(ctx, s.pair, client.RawPatch(types.MergePatchType,
			[]byte(`{"metadata":{"annotations":{"`+v1alpha1.AnnotationSwitchoverRequestedAt+`":null}}}`)))).To(Succeed())
		Eventually(s.leaseNotes).WithArguments(ctx).ShouldNot(carried)
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
		Expect(handled(ctx)).To(BeEmpty())
	})

	DescribeTable("is refused with an Event when a value is bad",
		func(ctx SpecContext, annotations map[string]string, note string) {
			s.annotate(ctx, annotations)
			requested := annotations[v1alpha1.AnnotationSwitchoverRequestedAt]
			Eventually(handled).WithArguments(ctx).Should(Equal(requested))
			Eventually(s.events).WithArguments(ctx, "SwitchoverRefused").Should(ConsistOf(ContainSubstring(note)))
			s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled, note)
			s.rest(ctx)
			Expect(s.leaseNotes(ctx)).NotTo(carried)
			Expect(s.events(ctx, "SwitchoverRefused")).To(HaveLen(1))

			By("accepting a good value after it")
			s.annotate(ctx, map[string]string{
				v1alpha1.AnnotationSwitchoverRequestedAt: second, v1alpha1.AnnotationSwitchoverTo: "secondary",
			})
			Eventually(s.leaseNotes).WithArguments(ctx).Should(carriedTo(v1alpha1.Secondary))
		},
		Entry("of the time", map[string]string{
			v1alpha1.AnnotationSwitchoverRequestedAt: "now",
		}, `is "now" and must be a time`),
		Entry("of the unit", map[string]string{
			v1alpha1.AnnotationSwitchoverRequestedAt: first, v1alpha1.AnnotationSwitchoverTo: "third",
		}, `is "third" and must be primary or secondary`),
	)
})

var _ = Describe("A pair that no operator has seen", func() {
	It("is not current for kstatus", func(ctx SpecContext) {
		s := newStage(ctx)
		s.pair.Labels = map[string]string{labelByHand: ""}
		s.create(ctx)
		Consistently(func() v1alpha1.HAPairStatus { return s.seen(ctx).Status }).
			Should(Equal(v1alpha1.HAPairStatus{ObservedGeneration: -1}))
		Expect(s.kstatusOf(ctx)).To(Equal(kstatus.InProgressStatus))
	})
})
