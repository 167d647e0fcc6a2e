//go:build apiserver

package operator

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/operator/units"
)

var _ = Describe("A supervised upgrade", func() {
	It("replaces the standby, and waits for a person to move the active role", func(ctx SpecContext) {
		s := newStage(ctx)
		s.pair.Spec.Upgrade.Strategy = v1alpha1.UpgradeSupervised
		s.create(ctx)
		s.settle(ctx)
		hash := s.documentHash(ctx)
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Firewall.Image = "example.test/firewall:2" })
		leave := func(unit v1alpha1.Unit) {
			GinkgoHelper()
			pod := s.pod(ctx, unit)
			Eventually(func() *metav1.Time { return s.pod(ctx, unit).DeletionTimestamp }).ShouldNot(BeNil())
			Expect(admin.Delete(ctx, pod, client.GracePeriodSeconds(0))).To(Succeed())
			Eventually(func() bool {
				now := s.pod(ctx, unit)
				return now.UID != pod.UID
			}).Should(BeTrue())
		}
		leave(v1alpha1.Secondary)
		s.run(ctx, v1alpha1.Secondary, units.RoleIs(v1alpha1.RoleStandby), units.InSync(), units.Enforces(hash))
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSwitchoverAwaited,
			"kubectl annotate hapair edge --namespace "+s.namespace)
		s.eventually(ctx, v1alpha1.ConditionDegraded, v1alpha1.ReasonHealthy)
		Consistently(func() *metav1.Time { return s.pod(ctx, v1alpha1.Primary).DeletionTimestamp }).Should(BeNil())
		Eventually(s.events).WithArguments(ctx, "SwitchoverAwaited").Should(HaveLen(1))

		By("continuing after a person has moved it")
		Expect(admin.Delete(ctx, s.pod(ctx, v1alpha1.Primary))).To(Succeed())
		s.hold(ctx, v1alpha1.Secondary, 2)
		leave(v1alpha1.Primary)
		Expect(s.pod(ctx, v1alpha1.Primary).Spec.Containers[0].Image).To(Equal("example.test/firewall:2"))
		s.run(ctx, v1alpha1.Primary, units.RoleIs(v1alpha1.RoleStandby), units.InSync(), units.Enforces(hash))
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
	})
})
