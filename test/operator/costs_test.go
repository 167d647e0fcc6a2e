//go:build apiserver

package operator

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/operator/units"
)

var _ = Describe("The costs of classes", func() {
	costs := func(entries, rate int64) units.Report {
		return func(status *v1alpha1.HAUnitStatus) {
			status.Classes = []v1alpha1.UnitClass{{
				Name: "ConnectionCache", State: "InSync", Since: metav1.Now(), Entries: &entries, BytesPerSecond: &rate,
			}}
		}
	}
	It("reach the status of the policy from the active unit alone", func(ctx SpecContext) {
		s := newStage(ctx)
		s.pair.Spec.SyncPolicyRef = &v1alpha1.SyncPolicyReference{Name: "costly"}
		policy := &v1alpha1.SyncPolicy{ObjectMeta: metav1.ObjectMeta{Name: "costly", Namespace: s.namespace}}
		Expect(admin.Create(ctx, policy)).To(Succeed())
		s.create(ctx)
		s.settle(ctx)
		classes := func(ctx context.Context) []v1alpha1.ClassCost {
			current := &v1alpha1.SyncPolicy{}
			Expect(s.get(ctx, "costly", current)).To(Succeed())
			return current.Status.Classes
		}
		s.report(ctx, v1alpha1.Secondary, costs(7, 7))
		s.report(ctx, v1alpha1.Primary, costs(1000, 20))
		Eventually(classes).WithContext(ctx).Should(ConsistOf(
			v1alpha1.ClassCost{Name: "ConnectionCache", Entries: 1000, BytesPerSecond: 20}))
		s.report(ctx, v1alpha1.Primary, costs(4000, 0))
		Eventually(classes).WithContext(ctx).Should(ConsistOf(
			v1alpha1.ClassCost{Name: "ConnectionCache", Entries: 4000}))
	})
})
