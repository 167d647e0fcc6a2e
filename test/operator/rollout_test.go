//go:build apiserver

package operator

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/operator/units"
)

var _ = Describe("Replacing units", func() {
	var s *stage
	BeforeEach(func(ctx SpecContext) { s = newStage(ctx) })

	image := func(ctx SpecContext, unit v1alpha1.Unit) func() string {
		return func() string {
			pod := &corev1.Pod{}
			if err := s.get(ctx, s.podName(unit), pod); apierrors.IsNotFound(err) {
				return "no pod"
			} else if err != nil {
				return err.Error()
			}
			return pod.Spec.Containers[0].Image
		}
	}
	// A pod that has a node is only gone when its kubelet says so.
	finish := func(ctx SpecContext, unit v1alpha1.Unit) {
		GinkgoHelper()
		pod := s.pod(ctx, unit)
		Eventually(func() *metav1.Time {
			Expect(s.get(ctx, pod.Name, pod)).To(Succeed())
			return pod.DeletionTimestamp
		}).ShouldNot(BeNil(), "pod %s is not being deleted", pod.Name)
		Expect(admin.Delete(ctx, pod, client.GracePeriodSeconds(0))).To(Succeed())
	}
	const outdated, wanted = "example.test/firewall:1", "example.test/firewall:2"

	It("takes the standby first, and the active one when its peer holds its state", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		hash := s.documentHash(ctx)
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Firewall.Image = wanted })
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonUpdating)
		finish(ctx, v1alpha1.Secondary)
		Eventually(image(ctx, v1alpha1.Secondary)).Should(Equal(wanted))

		By("not touching the active one while the new standby is not in sync")
		s.run(ctx, v1alpha1.Secondary, units.RoleIs(v1alpha1.RoleStandby), units.Enforces(hash),
			units.NotInSync(v1alpha1.ReasonSynchronizing))
		s.report(ctx, v1alpha1.Primary, units.NotInSync(v1alpha1.ReasonSynchronizing))
		s.eventually(ctx, v1alpha1.ConditionSynchronized, v1alpha1.ReasonSynchronizing)
		Consistently(func() *metav1.Time { return s.pod(ctx, v1alpha1.Primary).DeletionTimestamp }).Should(BeNil())
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonUpdating,
			"its peer does not hold its state yet")

		By("having the active one hand over then")
		s.report(ctx, v1alpha1.Primary, units.InSync())
		s.report(ctx, v1alpha1.Secondary, units.InSync())
		s.hold(ctx, v1alpha1.Secondary, 2)
		finish(ctx, v1alpha1.Primary)
		Eventually(image(ctx, v1alpha1.Primary)).Should(Equal(wanted))
		s.run(ctx, v1alpha1.Primary, units.RoleIs(v1alpha1.RoleStandby), units.Enforces(hash), units.InSync())
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
		Expect(s.seen(ctx).Status.Active).To(Equal(v1alpha1.Secondary))
		Eventually(s.events).WithArguments(ctx, "UnitReplaced").Should(HaveLen(2))
	})

	It("leaves the active one alone while its peer does not start", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Firewall.Image = wanted })
		finish(ctx, v1alpha1.Secondary)
		Eventually(image(ctx, v1alpha1.Secondary)).Should(Equal(wanted))
		s.eventually(ctx, v1alpha1.ConditionDegraded, v1alpha1.ReasonRedundancyLost)
		Consistently(func() *metav1.Time { return s.pod(ctx, v1alpha1.Primary).DeletionTimestamp }).Should(BeNil())
		Expect(image(ctx, v1alpha1.Primary)()).To(Equal(outdated))

		By("taking the one that does not start when the spec is fixed")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Firewall.Image = "" })
		Eventually(image(ctx, v1alpha1.Secondary)).Should(Equal(outdated))
	})

	It("replaces a pod that was evicted", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		evicted := s.pod(ctx, v1alpha1.Secondary)
		s.setStatus(ctx, v1alpha1.Secondary, func(status *corev1.PodStatus) {
			status.Phase, status.Reason, status.Message = corev1.PodFailed, "Evicted", "The node was low on memory"
		})
		// The API server deletes a pod that ended at once.
		Eventually(func() bool {
			pod := &corev1.Pod{}
			return s.get(ctx, evicted.Name, pod) == nil && pod.UID != evicted.UID
		}).Should(BeTrue())
		Eventually(s.events).WithArguments(ctx, "UnitEnded").Should(ConsistOf(ContainSubstring("low on memory")))
	})

	It("takes a changed SyncPolicy to the units", func(ctx SpecContext) {
		policy := &v1alpha1.SyncPolicy{ObjectMeta: metav1.ObjectMeta{Name: "policy", Namespace: s.namespace}}
		Expect(admin.Create(ctx, policy)).To(Succeed())
		s.pair.Spec.SyncPolicyRef = &v1alpha1.SyncPolicyReference{Name: "policy"}
		s.create(ctx)
		s.settle(ctx)
		Eventually(func(g Gomega) {
			g.Expect(s.get(ctx, "policy", policy)).To(Succeed())
			g.Expect(policy.Status.Pairs).To(ConsistOf("edge"))
			g.Expect(policy.Status.Conditions).To(ConsistOf(
				And(HaveField("Type", "Accepted"), HaveField("Status", metav1.ConditionTrue))))
		}).Should(Succeed())

		told := func(g Gomega) contract.Sync {
			written := &corev1.ConfigMap{}
			g.Expect(s.get(ctx, "edge-sidecar", written)).To(Succeed())
			parsed, err := contract.Parse([]byte(written.Data["sidecar.json"]))
			g.Expect(err).NotTo(HaveOccurred())
			return parsed.Sync
		}
		before := s.pod(ctx, v1alpha1.Secondary).Annotations[v1alpha1.AnnotationTemplateHash]
		By("changing what a unit takes while it runs")
		announced := s.pod(ctx, v1alpha1.Secondary).Annotations[v1alpha1.AnnotationSettingsHash]
		policy.Spec.Throttle = &v1alpha1.SyncThrottle{RecordsPerSecond: 1234}
		Expect(admin.Update(ctx, policy)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(told(g).RecordsPerSecond).To(BeEquivalentTo(1234))
			annotations := s.pod(ctx, v1alpha1.Secondary).Annotations
			g.Expect(annotations[v1alpha1.AnnotationSettingsHash]).NotTo(Or(BeEmpty(), Equal(announced)))
			g.Expect(annotations[v1alpha1.AnnotationTemplateHash]).To(Equal(before), "the pod need not be replaced")
		}).Should(Succeed())
		By("changing what takes a new pod")
		Expect(s.get(ctx, "policy", policy)).To(Succeed())
		policy.Spec.Classes = []v1alpha1.SyncClass{{
			Name:            v1alpha1.ConnectionCache,
			ConnectionCache: &v1alpha1.ConnectionCacheOptions{Protocols: []v1alpha1.ConnectionProtocol{"TCP"}},
		}}
		Expect(admin.Update(ctx, policy)).To(Succeed())
		Eventually(func(g Gomega) {
			g.Expect(told(g).Classes).To(ContainElement(HaveField("Options", MatchJSON(`{"protocols":["TCP"]}`))))
		}).Should(Succeed())
		finish(ctx, v1alpha1.Secondary)
		Eventually(func() string {
			pod := &corev1.Pod{}
			if s.get(ctx, s.podName(v1alpha1.Secondary), pod) != nil {
				return before
			}
			return pod.Annotations[v1alpha1.AnnotationTemplateHash]
		}).ShouldNot(Equal(before))

		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.SyncPolicyRef = nil })
		Eventually(func() []string {
			Expect(s.get(ctx, "policy", policy)).To(Succeed())
			return policy.Status.Pairs
		}).Should(BeEmpty())
	})
})
